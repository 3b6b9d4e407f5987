/* What changed since the last visit: on a phone it is one line that opens. */
(function () {
  "use strict";
  var PHONE = 768;

  new MutationObserver(function () {
    document.querySelectorAll(".since details:not([data-fitted])").forEach(function (list) {
      list.setAttribute("data-fitted", "1");
      if (window.innerWidth < PHONE) { list.open = false; }
    });
  }).observe(document.documentElement, { childList: true, subtree: true });
})();
