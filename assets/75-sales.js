/* 售碳潜力: sliders of scenarios (keyboard, values in words), files and values of its forms. */
(function () {
  "use strict";
  var WAIT = 120;
  var carbon = (window.carbon = window.carbon || {});
  var waiting = 0;

  function box() { return document.querySelector('[data-sale="scenario"]'); }
  function controls() { return box() ? Array.prototype.slice.call(box().querySelectorAll("[data-slider]")) : []; }
  function input(place) { return place.querySelector("input"); }
  function values() { return controls().map(function (place) { return Number(input(place).value); }).join(","); }
  function given() { return controls().map(function (place) { return Number(place.getAttribute("data-value")); }).join(","); }

  function say(place) {
    var number = Number(input(place).value) * Number(place.getAttribute("data-scale"));
    var words = place.getAttribute("data-words").replace("{value}", number.toFixed(Number(place.getAttribute("data-decimals"))).replace("-", "\u2212"));
    input(place).setAttribute("aria-valuetext", words);
    place.parentNode.querySelector(".sale-value").textContent = words;
    var low = Number(input(place).min), high = Number(input(place).max);
    input(place).style.setProperty("--at", (100 * (Number(input(place).value) - low) / (high - low)) + "%");
  }

  /* The pressed choice is the one whose values the sliders have. */
  function mark() {
    var now = values();
    box().querySelectorAll("[data-values]").forEach(function (button) {
      var same = button.getAttribute("data-values").split(",").map(Number).join(",") === now;
      button.setAttribute("aria-pressed", String(same));
    });
    var save = box().querySelector('[data-ask="scenario"]');
    if (save) { save.setAttribute("data-of", now); }
  }

  function send() {
    window.clearTimeout(waiting);
    waiting = window.setTimeout(function () {
      if (!box()) { return; }
      window.dash_clientside.set_props({ page: "market", part: "scenario" }, { data: values() });
    }, WAIT);
  }

  function moved(place) { say(place); mark(); keep(); send(); }

  /* A page that is made anew has its sliders where they were left. */
  function keep() { carbon.saleLast = controls().map(function (place) { return input(place).value; }); }

  function made(place) {
    var control = document.createElement("input");
    control.type = "range";
    ["min", "max", "step"].forEach(function (name) { control[name] = place.getAttribute("data-" + name); });
    control.value = carbon.saleLast ? carbon.saleLast[controls().indexOf(place)] : place.getAttribute("data-value");
    control.setAttribute("aria-label", place.getAttribute("data-label"));
    control.addEventListener("input", function () { moved(place); });
    place.appendChild(control);
    say(place);
  }

  document.addEventListener("click", function (event) {
    var button = event.target.closest("[data-values]");
    if (!button || !box() || !box().contains(button)) { return; }
    var wanted = button.getAttribute("data-values").split(",");
    controls().forEach(function (place, at) { input(place).value = wanted[at]; say(place); });
    mark();
    keep();
    send();
  });

  /* Forms: what a field had before stands in it; documents are picked with boxes. */
  function picks() {
    document.querySelectorAll(".sale-pick:not([data-set])").forEach(function (label) {
      var control = document.createElement("input");
      label.setAttribute("data-set", "1");
      control.type = "checkbox";
      control.checked = label.getAttribute("data-on") === "1";
      label.insertBefore(control, label.firstChild);
    });
  }

  function fields() {
    picks();
    document.querySelectorAll(".edit-form textarea[data-chosen]:not([data-set])").forEach(function (field) {
      field.setAttribute("data-set", "1");
      field.value = field.getAttribute("data-chosen");
    });
  }

  new MutationObserver(function () {
    fields();
    if (!box()) { return; }
    var fresh = Array.prototype.slice.call(document.querySelectorAll("[data-slider]:empty"));
    fresh.forEach(made);
    /* What the server sent is of its own values; the sliders may stand elsewhere. */
    if (!fresh.length && carbon.saleStamp === box().getAttribute("data-at")) { return; }
    carbon.saleStamp = box().getAttribute("data-at");
    mark();
    if (values() !== given()) { send(); }
  }).observe(document.documentElement, { childList: true, subtree: true, attributes: true, attributeFilter: ["data-at"] });
})();
