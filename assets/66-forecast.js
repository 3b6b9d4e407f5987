/* A page that waits for its first forecasts looks again until they are there. */
(function () {
  "use strict";
  var EVERY_MS = 4000, turn = 0;

  window.setInterval(function () {
    var waits = document.querySelector(".forecast-wait[data-again]");
    if (!waits || document.hidden || !window.dash_clientside || !window.dash_clientside.set_props) { return; }
    turn += 1; // what says nothing refreshes the page and no more
    window.dash_clientside.set_props({ page: waits.getAttribute("data-again"), part: "act-edit-done" }, { data: turn % 2 ? "" : 0 });
  }, EVERY_MS);
})();
