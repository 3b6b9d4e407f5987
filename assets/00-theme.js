/* The theme before anything is drawn: the reader's choice, else the system's. */
(function () {
  "use strict";
  var root = document.documentElement;
  var system = window.matchMedia("(prefers-color-scheme: dark)");
  function apply() {
    var chosen = /(?:^|; )theme=(light|dark)/.exec(document.cookie);
    root.setAttribute("data-bs-theme", chosen ? chosen[1] : system.matches ? "dark" : "light");
  }
  apply();
  system.addEventListener("change", function () { apply(); window.dispatchEvent(new Event("carbon-theme")); });
})();
