/* A Modbus server on Debian's libmodbus, TCP or RTU: 229.01 by each of its four functions from
 * register 0 on, a counter at 100; on RTU silence for every unit but its own, and, for the first
 * argv[4] requests, an answer that is argv[3] milliseconds late. */
#include <errno.h>
#include <modbus.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void fill(modbus_mapping_t *map)
{
    modbus_set_float_abcd(229.01f, map->tab_registers + 0);
    modbus_set_float_dcba(229.01f, map->tab_registers + 2);
    modbus_set_float_badc(229.01f, map->tab_registers + 4);
    modbus_set_float_cdab(229.01f, map->tab_registers + 6);
    map->tab_registers[100] = 0x0001;
    map->tab_registers[101] = 0xE240; /* 123456 */
    map->tab_input_registers[7] = 4711;
    map->tab_bits[3] = 1;
    map->tab_input_bits[4] = 1;
}

int main(int argc, char **argv)
{
    int rtu = argc > 1 && strcmp(argv[1], "rtu") == 0;
    modbus_t *link = rtu ? modbus_new_rtu(argv[2], 9600, 'N', 8, 1) : modbus_new_tcp("127.0.0.1", atoi(argv[2]));
    modbus_mapping_t *map = modbus_mapping_new(200, 200, 200, 200);
    uint8_t query[MODBUS_MAX_ADU_LENGTH];
    int listening = -1, late = argc > 4 ? atoi(argv[4]) : 0;
    if (link == NULL || map == NULL)
        return 1;
    fill(map);
    if (rtu) {
        modbus_set_slave(link, 1);
        if (modbus_connect(link) == -1)
            return 1;
    } else {
        listening = modbus_tcp_listen(link, 4);
        if (listening == -1)
            return 1;
    }
    puts("ready");
    fflush(stdout);
    for (;;) {
        if (!rtu && modbus_tcp_accept(link, &listening) == -1)
            return 1;
        for (;;) {
            int length = modbus_receive(link, query);
            if (length > 0) {
                if (rtu && argc > 4 && late-- > 0)
                    usleep(atoi(argv[3]) * 1000);
                modbus_reply(link, query, length, map);
            } else if (length == -1 && !rtu) {
                break;
            }
        }
        modbus_close(link);
    }
}
