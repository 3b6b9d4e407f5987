/* Radar, flows, hours of the week and the slider over months: what 30-charts.js does for bars and lines. */
(function () {
  "use strict";
  var carbon = (window.carbon = window.carbon || {});
  var PHONE = 480;

  /* A figure of another shape gets what depends on its width; on a phone the stops of flows have
     their names alone, and the numbers are in the table. */
  carbon.shaped = function (figure, name, width, height) {
    var layout = figure.layout, first = figure.data[0];
    if (!first) { return; }
    if (layout.polar) {
      var room = Math.max(72, Math.min(92, Math.floor((width - 216) / 2)));
      layout.margin.l = layout.margin.r = room;
      layout.polar.radialaxis.gridcolor = carbon.templates[name].layout.yaxis.gridcolor;
      layout.polar.angularaxis.tickfont = { size: 12, color: carbon.templates[name].layout.font.color };
    }
    if (first.type === "sankey") {
      first.textfont = { size: 12, color: carbon.templates[name].layout.font.color };
      if (width < PHONE) { first.node.label = layout.meta.short; }
    }
  };

  /* ---- the ledger's names on the numbers of the picture ---- */

  carbon.shapesMarked = function (gd, name) {
    var meta = gd.layout.meta || {};
    if (meta.spokes) {
      gd.querySelectorAll(".angularaxistick text, .angularaxis .xtick text, .angular-axis text").forEach(function (text) {
        var datum = text.__data__ || {};
        name(text, meta.spokes[datum.x]);
      });
    }
    if (meta.stops) {
      gd.querySelectorAll(".sankey-node").forEach(function (node) {
        var datum = node.__data__;
        var text = node.querySelector(".node-label, text");
        if (datum && datum.node && text && /\d/.test(text.textContent)) { name(text, meta.stops[datum.node.pointNumber]); }
      });
    }
  };

  /* ---- hover ---- */

  function weekly(gd, point) {
    var week = gd.layout.meta.week, share = point.customdata;
    if (share === null || share === undefined) { return null; }
    var attributes = Object.assign({}, week.common, { data_value: String(share) });
    return { head: week.days[point.y] + " " + week.hour.replace("{hour}", point.x), quality: "",
             groups: [{ title: "", rows: [{ color: "source.charger", name: week.name, text: share.toFixed(1) + "%", share: "", attributes: attributes }] }] };
  }

  /* What stands in the box for a point of another shape; undefined for bars and lines, null for nothing. */
  carbon.shapeHover = function (chart, gd, point) {
    var meta = gd.layout.meta || {};
    if (meta.week) { return weekly(gd, point); }
    if (meta.spokes) { return chart.hover[point.theta] || null; }
    if (meta.stops) { return chart.hover[point.label] || null; }
    return undefined;
  };

  carbon.shapeChosen = function (gd, event) {
    var meta = gd.layout.meta || {}, point = event.points[0];
    if (meta.week) {
      return point.customdata === null || point.customdata === undefined ? {}
        : Object.assign({}, meta.week.common, { data_value: String(point.customdata) });
    }
    if (meta.stops) { return point.customdata || {}; }
    return null;
  };

  /* A radar tells no click of its own: the point under the pointer opens. */
  carbon.shapeAttached = function (gd, plot) {
    var under = null;
    gd.on("plotly_hover", function (event) { under = gd.layout.meta && gd.layout.meta.spokes ? event.points[0] : null; });
    gd.on("plotly_unhover", function () { under = null; });
    gd.addEventListener("click", function () {
      if (under) { carbon.pressed(gd.layout.meta.spokes[gd.data[gd.data.length - 1].theta.indexOf(under.theta)] || {}, plot); }
    });
  };

  /* Arrow keys walk the axes of a radar as they walk the months of a line. */
  carbon.shapeStep = function (gd, by) {
    if (!gd.layout.meta || !gd.layout.meta.spokes) { return Boolean(gd.layout.meta && (gd.layout.meta.stops || gd.layout.meta.week)); }
    var curve = gd.data.length - 1, count = gd.data[curve].theta.length - 1;
    var now = gd.carbonAt === undefined ? (by > 0 ? -1 : count) : gd.carbonAt;
    gd.carbonAt = Math.max(0, Math.min(count - 1, now + by));
    var trace = gd.data[curve];
    gd.emit("plotly_hover", { points: [{ theta: trace.theta[gd.carbonAt], data: trace, pointNumber: gd.carbonAt }] });
    return true;
  };

  /* ---- the slider over months ---- */

  function shown(slider, at) {
    var last = Number(slider.getAttribute("aria-valuemax"));
    var words = slider.getAttribute("data-words").split("|")[at];
    slider.setAttribute("aria-valuenow", String(at));
    slider.setAttribute("aria-valuetext", words);
    slider.querySelector(".slider-thumb").style.left = slider.querySelector(".slider-fill").style.width = (100 * at) / last + "%";
    slider.parentNode.querySelector(".slider-words").textContent = words;
  }

  /* The page is drawn anew: the new slider takes the focus that the old one had. */
  function refocus(old, tries) {
    var now = document.querySelector('.slider[data-slider="' + old.getAttribute("data-slider") + '"]');
    if (now && now !== old) { if (document.activeElement === document.body) { now.focus({ preventScroll: true }); } return; }
    if (tries > 0) { window.setTimeout(function () { refocus(old, tries - 1); }, 50); }
  }

  function chosen(slider) {
    refocus(slider, 60);
    var at = Number(slider.getAttribute("aria-valuenow"));
    var values = slider.getAttribute("data-values").split(" ");
    carbon.choose(slider.getAttribute("data-slider"), at === values.length - 1 ? "" : values[at]);
  }

  function under(slider, event) {
    var rect = slider.getBoundingClientRect(), last = Number(slider.getAttribute("aria-valuemax"));
    return Math.max(0, Math.min(last, Math.round((last * (event.clientX - rect.left)) / rect.width)));
  }

  var held = null, waiting = 0;
  document.addEventListener("pointerdown", function (event) {
    held = event.target.closest(".slider");
    if (!held) { return; }
    held.setPointerCapture(event.pointerId);
    shown(held, under(held, event));
  });
  document.addEventListener("pointermove", function (event) { if (held) { shown(held, under(held, event)); } });
  document.addEventListener("pointerup", function () { if (held) { var slider = held; held = null; chosen(slider); } });
  document.addEventListener("pointercancel", function () { held = null; });
  document.addEventListener("keydown", function (event) {
    var slider = document.activeElement;
    if (!slider || !slider.classList.contains("slider")) { return; }
    var now = Number(slider.getAttribute("aria-valuenow")), last = Number(slider.getAttribute("aria-valuemax"));
    var to = { ArrowRight: now + 1, ArrowUp: now + 1, ArrowLeft: now - 1, ArrowDown: now - 1, Home: 0, End: last, PageUp: now + 3, PageDown: now - 3 }[event.key];
    if (to === undefined) { return; }
    event.preventDefault();
    shown(slider, Math.max(0, Math.min(last, to)));
    window.clearTimeout(waiting);
    waiting = window.setTimeout(function () { chosen(slider); }, 250);
  });
})();
