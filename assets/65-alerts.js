/* 质量与告警: the count beside the page's name, the drawer of an alarm. */
(function () {
  "use strict";
  var before = null;

  function go(href) {
    window.history.pushState({}, "", window.location.pathname + (href === "?" ? "" : href));
    window.dispatchEvent(new CustomEvent("_dashprivate_pushstate"));
  }

  function drawer() { return document.querySelector(".alert-drawer-box .alert-drawer"); }

  function close() {
    var way = drawer() && drawer().querySelector("[data-alert=close]");
    if (way) { go(way.getAttribute("href")); }
  }

  document.addEventListener("click", function (event) {
    var row = event.target.closest(".alert-table tr[data-issue]");
    if (row && event.target.closest("a")) { before = row.getAttribute("data-issue"); }
    if (event.target.closest(".alert-drawer-box > .drawer-shade")) { close(); }
  });

  document.addEventListener("keydown", function (event) {
    if (event.key !== "Escape" || document.querySelector("#drawer .drawer") || document.querySelector("details.menu-box[open]")) { return; }
    close();
  });

  function counted() {
    var open = document.querySelector("#alarms [data-open]"), item = document.querySelectorAll('[data-nav="/alerts"]');
    var count = open ? open.getAttribute("data-open") : "0";
    item.forEach(function (one) {
      if (count === "0") { one.removeAttribute("data-count"); } else if (one.getAttribute("data-count") !== count) { one.setAttribute("data-count", count); }
    });
  }

  var shown = "";
  function focused() {
    var box = drawer(), now = box ? new URLSearchParams(window.location.search).get("issue") || "" : "";
    if (now === shown) { return; }
    var way = box && box.querySelector("[data-alert=close]");
    if (box && !way) { return; }
    shown = now;
    if (way) { way.focus(); return; }
    var back = before && document.querySelector('.alert-table tr[data-issue="' + before + '"] .work-step');
    if (back) { back.focus(); }
  }

  new MutationObserver(function () { counted(); focused(); }).observe(document.documentElement, { childList: true, subtree: true, attributes: true, attributeFilter: ["class"] });
})();
