/* 售碳潜力: sliders of scenarios and what-ifs (keyboard, values in words), values of forms. */
(function () {
  "use strict";
  var WAIT = 120;
  var carbon = (window.carbon = window.carbon || {});
  var left = (carbon.saleLast = carbon.saleLast || {});  /* where the sliders of a box were left */
  var stamps = {}, waiting = {};

  function boxes() { return Array.prototype.slice.call(document.querySelectorAll("[data-sale]")); }
  function name(box) { return box.getAttribute("data-sale"); }
  function controls(box) { return Array.prototype.slice.call(box.querySelectorAll("[data-slider]")); }
  function input(place) { return place.querySelector("input"); }
  function values(box) { return controls(box).map(function (place) { return Number(input(place).value); }).join(","); }
  function given(box) { return controls(box).map(function (place) { return Number(place.getAttribute("data-start")); }).join(","); }

  function say(place) {
    var control = input(place), low = Number(control.min), high = Number(control.max), at = Number(control.value);
    var number = (at * Number(place.getAttribute("data-scale"))).toFixed(Number(place.getAttribute("data-decimals")));
    var words = place.getAttribute("data-words").replace("{value}", number.replace("-", "\u2212"));
    control.setAttribute("aria-valuetext", words);
    place.parentNode.querySelector(".sale-value").textContent = words;
    control.style.setProperty("--at", (100 * (at - low) / (high - low)) + "%");
  }

  /* The pressed choice is the one whose values the sliders have. */
  function mark(box) {
    var now = values(box), save = box.querySelector("[data-ask]");
    box.querySelectorAll("[data-values]").forEach(function (button) {
      var same = button.getAttribute("data-values").split(",").map(Number).join(",") === now;
      button.setAttribute("aria-pressed", String(same));
    });
    if (save) { save.setAttribute("data-of", now); }
  }

  function send(box) {
    window.clearTimeout(waiting[name(box)]);
    waiting[name(box)] = window.setTimeout(function () {
      if (!document.contains(box)) { return; }
      window.dash_clientside.set_props({ page: "market", part: name(box) }, { data: values(box) });
    }, WAIT);
  }

  /* 5.7 a follows the sliders: a line of its own once they stand elsewhere than at first. */
  function followed() {
    var said = document.querySelector(".sale-years"), box = said && said.closest("[data-sale]");
    var gd = document.querySelector('[data-panel="years"] .js-plotly-plot');
    if (!box || !gd || !gd.data || !gd.layout) { return; }
    var at = gd.data.findIndex(function (trace) { return trace.meta && trace.meta.scenario; });
    if (at < 0) { return; }
    var wanted = {}, trace = gd.data[at], away = values(box) !== given(box);
    var of = said.getAttribute("data-of").split(",").map(Number).join(",");
    if (away && of !== values(box)) { return; } // the answer to these sliders is still to come
    said.getAttribute("data-years").split(";").forEach(function (year) { wanted[year.split(":")[0]] = Number(year.split(":")[1]); });
    var drawn = Array.prototype.map.call(trace.x, function (label) { return away && label in wanted ? wanted[label] : null; });
    if (String(drawn) === String(Array.prototype.slice.call(trace.y))) { return; }
    var top = Math.max.apply(null, drawn.concat(trace.meta.scenario / 1.05)) * 1.05;
    window.Plotly.update(gd, { y: [drawn] }, { "xaxis.type": "category", "yaxis.range": [gd.layout.yaxis.range[0], top] }, [at]); // new values would have the axis guess
  }

  function moved(box) {
    mark(box);
    left[name(box)] = controls(box).map(function (place) { return input(place).value; });
    send(box);
  }

  function made(place) {
    var control = document.createElement("input"), box = place.closest("[data-sale]"), before = left[name(box)];
    control.type = "range";
    ["min", "max", "step"].forEach(function (one) { control[one] = place.getAttribute("data-" + one); });
    control.value = before ? before[controls(box).indexOf(place)] : place.getAttribute("data-start");
    control.setAttribute("aria-label", place.getAttribute("data-label"));
    control.addEventListener("input", function () { say(place); moved(place.closest("[data-sale]")); });
    place.appendChild(control);
    say(place);
  }

  document.addEventListener("click", function (event) {
    var button = event.target.closest("[data-values]"), box = button && button.closest("[data-sale]");
    if (!box) { return; }
    var wanted = button.getAttribute("data-values").split(",");
    controls(box).forEach(function (place, at) { input(place).value = wanted[at]; say(place); });
    moved(box);
  });

  /* Forms: what a field had before stands in it; documents are picked with boxes. */
  function fields() {
    document.querySelectorAll(".sale-pick:not([data-set])").forEach(function (label) {
      var control = document.createElement("input");
      label.setAttribute("data-set", "1");
      control.type = "checkbox";
      control.checked = label.getAttribute("data-on") === "1";
      label.insertBefore(control, label.firstChild);
    });
    document.querySelectorAll(".edit-form textarea[data-chosen]:not([data-set])").forEach(function (field) {
      field.setAttribute("data-set", "1");
      field.value = field.getAttribute("data-chosen");
    });
  }

  new MutationObserver(function () {
    fields();
    boxes().forEach(function (box) {
      var fresh = Array.prototype.slice.call(box.querySelectorAll("[data-slider]:empty"));
      fresh.forEach(made);
      /* What the server sent is of its own values; the sliders may stand elsewhere. */
      if (!fresh.length && stamps[name(box)] === box.getAttribute("data-at")) { return; }
      stamps[name(box)] = box.getAttribute("data-at");
      mark(box);
      if (values(box) !== given(box)) { send(box); }
    });
    followed();
  }).observe(document.documentElement, { childList: true, subtree: true, attributes: true, attributeFilter: ["data-at"] });
})();
