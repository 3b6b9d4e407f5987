/* Filtering a page by a mark: one press filters, two open the trace; chips and keys take it away. */
(function () {
  "use strict";
  var carbon = (window.carbon = window.carbon || {});
  var TWICE_MS = 280;

  function chosen() {
    var found = {};
    (new URLSearchParams(window.location.search).get("focus") || "").split(",").forEach(function (word) {
      var at = word.indexOf(":");
      if (at > 0) { found[word.slice(0, at)] = word.slice(at + 1); }
    });
    return found;
  }

  function written(found) {
    return Object.keys(found).map(function (name) { return name + ":" + found[name]; }).join(",");
  }

  /* Adds the parts to the filter; those that are in it already are taken away. */
  carbon.filter = function (parts) {
    var found = chosen(), words = parts.split(",");
    var there = words.every(function (word) { return found[word.split(":")[0]] === word.split(":")[1]; });
    words.forEach(function (word) {
      var pair = word.split(":");
      if (there) { delete found[pair[0]]; } else { found[pair[0]] = pair[1]; }
    });
    carbon.choose("focus", written(found));
  };

  carbon.filtered = function () { return Object.keys(chosen()).length > 0; };

  function held(part) {
    var found = chosen();
    return part.split(",").every(function (word) { return found[word.split(":")[0]] === word.split(":")[1]; });
  }

  /* What a mark filters by: its part; where that is chosen already, or there is none, its month. */
  carbon.partOf = function (attributes, month) {
    var part = attributes.data_part || "";
    if (part && !held(part)) { return part; }
    return month ? "month:" + month : part;
  };

  var waiting = 0, first = null;

  /* One press does one thing after a moment, a second press on the same place does the other. */
  function pressed(place, once, twice) {
    window.clearTimeout(waiting);
    if (first === place) { first = null; twice(); return; }
    first = place;
    waiting = window.setTimeout(function () { first = null; once(); }, TWICE_MS);
  }

  /* A label is a period of the page where the box that belongs to it says so. */
  function periodOf(place, label) {
    var chart = carbon.charts[place.closest("[data-panel]").getAttribute("data-panel")];
    return chart && chart.hover[label] && chart.hover[label].month ? label : "";
  }

  carbon.pressed = function (attributes, plot, month) {
    var part = carbon.partOf(attributes, periodOf(plot, month));
    if (!part) { carbon.open(attributes, plot); return; }
    pressed(plot, function () { carbon.filter(part); }, function () { carbon.open(attributes, plot); });
  };

  carbon.named = function (item) {
    var part = item.getAttribute("data-part");
    if (!part) { carbon.toggle(item); return; }
    pressed(item, function () { carbon.filter(part); }, function () { carbon.toggle(item); });
  };

  /* The months under a chart are pressed as its marks are. */
  carbon.monthsMarked = function (gd) {
    var ticks = (gd.layout.meta && gd.layout.meta.ticks) || [];
    var axis = gd.layout.xaxis || {};
    if (!ticks.length || axis.tickvals === undefined || !gd.closest("[data-panel]")) { return; }
    var names = gd.querySelectorAll(".xaxislayer-above .xtick text");
    var bold = chosen().month;
    names.forEach(function (text, at) {
      var month = axis.tickvals[at];
      if (!periodOf(gd, month)) { return; }
      text.setAttribute("data-month-of", month);
      text.classList.toggle("month-chosen", month === bold);
    });
  };

  document.addEventListener("click", function (event) {
    var month = event.target.closest("[data-month-of]");
    if (month) { carbon.filter("month:" + month.getAttribute("data-month-of")); }
  });

  function focusNext(removed) {
    var tries = 60;
    (function look() {
      var chips = document.querySelectorAll(".chip");
      var gone = !document.querySelector('.chip[data-chip="' + removed + '"]');
      if (gone) { (chips[0] || document.getElementById("main")).focus({ preventScroll: true }); return; }
      if ((tries -= 1) > 0) { window.setTimeout(look, 50); }
    })();
  }

  function typing(place) { return place && /^(INPUT|TEXTAREA|SELECT)$/.test(place.tagName); }

  document.addEventListener("keydown", function (event) {
    var active = document.activeElement;
    if (typing(active) || event.ctrlKey || event.metaKey || event.altKey) { return; }
    var chip = active && active.closest && active.closest(".chip");
    if (chip && (event.key === "Delete" || event.key === "Backspace")) {
      event.preventDefault();
      focusNext(chip.getAttribute("data-chip"));
      chip.click();
      return;
    }
    if ((event.key === "f" || event.key === "F") && active.classList && active.classList.contains("plot")) {
      var month = active.closest("[data-panel]").getAttribute("data-month");
      if (periodOf(active, month)) { carbon.filter("month:" + month); event.preventDefault(); }
      return;
    }
    if (event.key === "?") {
      var chapter = document.querySelector("[data-manual]");
      if (!document.querySelector('[data-nav="/help"]')) { return; }
      window.location.assign("/help" + (chapter ? "#" + chapter.getAttribute("data-manual") : ""));
      event.preventDefault();
    }
  });
})();
