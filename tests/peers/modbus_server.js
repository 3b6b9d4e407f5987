// A Modbus TCP server of others (npm modbus-serial) whose behaviour the test sets over stdin.
// Lines: {"set": {"3:100": 17254}}, {"delay": ms}, {"busy": true}, {"refuse": [200]}
const ModbusRTU = require("modbus-serial");
const registers = new Map();
const state = { delay: 0, busy: 0, refuse: [], requests: 0 };

function value(area, address) {
  state.requests += 1;
  return new Promise((resolve, reject) => {
    setTimeout(() => {
      if (state.busy > 0) { state.busy -= 1; reject({ modbusErrorCode: 6 }); return; }
      if (state.refuse.includes(address)) { reject({ modbusErrorCode: 2 }); return; }
      const found = registers.get(`${area}:${address}`);
      if (found === undefined) { reject({ modbusErrorCode: 2 }); return; }
      resolve(found);
    }, state.delay);
  });
}

const vector = {
  getHoldingRegister: (address) => value(3, address),
  getInputRegister: (address) => value(4, address),
  getCoil: (address) => value(1, address).then(Boolean),
  getDiscreteInput: (address) => value(2, address).then(Boolean),
};
const server = new ModbusRTU.ServerTCP(vector, { host: "127.0.0.1", port: Number(process.argv[2]), unitID: 255 });
server.on("initialized", () => console.log("ready"));
server.on("serverError", (error) => { console.log("error " + error); process.exit(1); });

let rest = "";
process.stdin.on("data", (chunk) => {
  rest += chunk;
  const lines = rest.split("\n");
  rest = lines.pop();
  for (const line of lines) {
    const said = JSON.parse(line);
    for (const [name, word] of Object.entries(said.set || {})) registers.set(name, word);
    for (const name of ["delay", "busy", "refuse"]) if (name in said) state[name] = said[name];
    console.log(JSON.stringify({ requests: state.requests }));
  }
});
process.stdin.on("end", () => process.exit(0));
