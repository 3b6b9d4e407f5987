/* Charts: colours of the theme, labels that fit, the hover box, marks that open, pictures. */
(function () {
  "use strict";
  var carbon = (window.carbon = window.carbon || {});
  var PHONE = 768;
  carbon.charts = {};

  /* ---- painting: a figure without colours becomes one of the theme ---- */

  function theme() {
    return document.documentElement.getAttribute("data-bs-theme") === "dark" ? "dark" : "light";
  }

  function extras(name) {
    var layout = carbon.templates[name].layout;
    var dark = name === "dark";
    return {
      surface: layout.plot_bgcolor, axis: layout.xaxis.linecolor, ink: layout.font.color,
      label: layout.xaxis.tickfont.color,
      "status.bad": dark ? "#FF8A80" : "#B42318", "status.good": dark ? "#5BD08F" : "#0B6B33",
      "season.cool": dark ? "rgba(95,227,234,.10)" : "rgba(17,159,192,.12)",
      "season.heat": dark ? "rgba(245,121,63,.10)" : "rgba(212,85,43,.09)",
      band: dark ? 0.22 : 0.16, shade: dark ? 0.12 : 0.07, flow: dark ? 0.42 : 0.28, pale: dark ? 0.18 : 0.12, soft: 0.55
    };
  }

  function colorOf(word, name) {
    var parts = word.slice(1).split("/");
    var extra = extras(name);
    var found = extra[parts[0]], how = parts[1];
    if (!found) {
      var path = parts[0].split(".");
      if (/-soft$/.test(path[1])) { how = "soft"; path[1] = path[1].slice(0, -5); }
      found = path[0] === "seq" ? carbon.templates[name].layout.colorscale.sequential[path[1] - 1][1]
        : carbon.templates[name].layout.meta.colors[path[0]][path[1]];
    }
    if (!how) { return found; }
    var n = parseInt(found.slice(1), 16);
    return "rgba(" + [n >> 16, (n >> 8) & 255, n & 255, extra[how]].join(",") + ")";
  }

  function colored(value, name) {
    if (typeof value === "string") { return value[0] === "@" ? colorOf(value, name) : value; }
    if (Array.isArray(value)) { return value.map(function (v) { return colored(v, name); }); }
    if (value && typeof value === "object") {
      var copy = {};
      Object.keys(value).forEach(function (key) { copy[key] = key === "customdata" || key === "notes" ? value[key] : colored(value[key], name); });
      return copy;
    }
    return value;
  }

  /* Months are told in steps that a year is made of, or in years. */
  function whole(step, label) {
    if (!/^\d{4}-\d\d$/.test(label)) { return step; }
    return [2, 3, 4, 6].find(function (n) { return n >= step; }) || 12 * Math.ceil(step / 12);
  }

  function ticks(layout, width) {
    var all = layout.meta.ticks || [];
    if (!all.length) { return; }
    var room = width - layout.margin.l - layout.margin.r;
    if (room / all.length / 2 + layout.margin.r < 16) { layout.margin.r = 16; room = width - layout.margin.l - 16; } // half a year's number
    var each = room / all.length;
    var daily = all[0][0].length === 10;
    var step = layout.meta.all_ticks ? 1 : daily ? (each * 7 >= 30 ? 7 : 14) : each >= 34 ? 1 : each >= 26 ? 2 : whole(Math.ceil(46 / each), all[0][0]);
    var year = "";
    var shown = all.filter(function (_, i) { return daily ? i % step === 0 : (all.length - 1 - i) % step === 0; });
    layout.xaxis.tickmode = "array";
    layout.xaxis.tickvals = shown.map(function (t) { return t[0]; });
    layout.xaxis.ticktext = shown.map(function (t) {
      var below = !daily && t[2] && t[2] !== year ? "<br>" + t[2] : "";
      year = t[2];
      var fits = layout.meta.turn && textWidth(t[0]) + 8 <= each; // a column that is wide enough has its name in one line
      return (fits ? t[0] : t[1]) + below;
    });
    layout.xaxis.tickangle = 0;
    if (layout.meta.turn && !layout.xaxis.ticktext.join("").match("<br>")) { layout.margin.b = 41; }
    return each;
  }

  /* A phone has the legend instead of end labels; charts over one axis of months stay alike. */
  function bare(layout) { return layout.meta.together || (layout.meta.ends || []).length > 1; }

  /* End labels of lines stand at least 17 px apart. */
  function ends(layout, height, width) {
    var list = layout.meta.ends || [];
    if (!list.length) { return []; }
    if (width < 480 && bare(layout)) { return []; }
    var range = layout.yaxis.range;
    var plot = height - layout.margin.t - layout.margin.b;
    var placed = list.map(function (e) { return { end: e, y: (plot * (e.y - range[0])) / (range[1] - range[0]) }; });
    placed.sort(function (a, b) { return a.y - b.y; });
    var low = 0;
    placed.forEach(function (p) { p.at = Math.max(p.y, low); low = p.at + 17; });
    var over = placed.length ? placed[placed.length - 1].at - plot : 0;
    for (var j = placed.length - 1; over > 0 && j >= 0; j -= 1) {
      placed[j].at = Math.min(placed[j].at, plot - 17 * (placed.length - 1 - j));
    }
    return placed.map(function (p) {
      return { xref: "paper", x: 1, xanchor: "left", xshift: 8, yref: "y", y: p.end.y, yshift: p.at - p.y,
               yanchor: "middle", text: p.end.text, showarrow: false, font: { color: p.end.color, size: 12 },
               attributes: p.end.attributes };
    });
  }

  /* A waterfall whose columns are too narrow for their names lies on its side; the name of a
     group gets a row of its own. */
  function turned(copy, width) {
    var layout = copy.layout, turn = layout.meta.turn;
    if (!turn) { return false; }
    if ((width - layout.margin.l - layout.margin.r) / layout.meta.ticks.length >= turn.each) { return false; }
    copy.data.forEach(function (trace) {
      var x = trace.x;
      trace.x = trace.y;
      trace.y = x;
      if (trace.type === "bar") { trace.orientation = "h"; } else { trace.textposition = "middle right"; trace.text = trace.text.map(function (t) { return "\u00a0" + t; }); }
    });
    var names = layout.xaxis, values = layout.yaxis;
    values.tickvals = values.tickvals.filter(function (_, i) { return i % 2 === 0; });
    values.ticktext = values.ticktext.filter(function (_, i) { return i % 2 === 0; });
    layout.xaxis = values;
    layout.yaxis = names;
    names.showgrid = false;
    names.tickmode = "array";
    names.tickvals = layout.meta.ticks.map(function (t) { return t[0]; });
    names.ticktext = names.tickvals;
    values.showgrid = true;
    var lasts = layout.meta.words.map(function (n) { return n.last; });
    function row(at) { return at + lasts.filter(function (last) { return last < at; }).length; }
    names.categoryarray = [];
    names.tickvals.forEach(function (value, at) {
      names.categoryarray.push(value);
      if (lasts.indexOf(at) >= 0) { names.categoryarray.push(" ".repeat(1 + lasts.indexOf(at))); }
    });
    names.range = [names.categoryarray.length - 0.5, -0.5];
    layout.shapes.forEach(function (s) {
      var x0 = s.x0, x1 = s.x1, group = Boolean(s.xref);
      s.x0 = s.y0; s.x1 = s.y1;
      s.y0 = group ? row(x0 + 0.5) - 0.5 : row(x0 - 0.31) + 0.31;
      s.y1 = group ? row(x1 - 0.5) + 1.5 : row(x1 + 0.31) - 0.31;
      if (group) { s.xref = "paper"; s.yref = "y"; }
    });
    layout.meta.words.forEach(function (n) {
      var fits = textWidth(n.text) + 16 <= width - turn.left - turn.right; // else its own row begins at the card's edge
      n.x = 0; n.xref = "paper"; n.xanchor = "left"; n.xshift = fits ? 8 : 8 - turn.left;
      n.y = row(n.last) + 1; n.yref = "y"; n.yanchor = "middle"; n.yshift = 0;
    });
    layout.hovermode = "y";
    layout.margin = { l: turn.left, r: turn.right, t: 8, b: 30, pad: 4 };
    layout.height = turn.height;
    return true;
  }

  function centre(layout, name) {
    var words = layout.meta.centre;
    if (!words) { return []; }
    return [
      { x: 0.5, y: 0.5, yshift: 8, text: "<b>" + words[0] + "</b>", showarrow: false, xref: "paper", yref: "paper",
        font: { size: 18, color: extras(name).ink }, attributes: layout.meta.attributes },
      { x: 0.5, y: 0.5, yshift: -13, text: words[1], showarrow: false, xref: "paper", yref: "paper", font: { size: 12 } }
    ];
  }

  /* Notes on months: a short label over the month where there is room for it, else a mark alone. */
  function textWidth(text) {
    return Array.prototype.reduce.call(text, function (sum, c) { return sum + (c.charCodeAt(0) > 0x2e80 ? 12 : 7); }, 0);
  }

  function plain(text) {
    return String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  }

  function noted(layout, each, name) {
    var list = layout.meta.notes || [];
    if (!list.length || !each) { return []; }
    var labels = layout.meta.ticks.map(function (t) { return t[0]; }), free = 0, extra = extras(name);
    /* Seasons already stand over the plot: notes stand over them. */
    var raised = (layout.meta.spots || []).some(function (s) { return s.at !== undefined; }) ? 18 : 0;
    layout.margin.t = Math.max(layout.margin.t, 26 + raised);
    layout.shapes = (layout.shapes || []).concat(list.map(function (n) {
      return { type: "line", xref: "x", x0: labels.indexOf(n.x), x1: labels.indexOf(n.x), yref: "paper", y0: 0, y1: 1,
               line: { color: extra.axis, width: 1, dash: "dot" }, layer: "below" };
    }));
    return list.map(function (n) {
      var at = (labels.indexOf(n.x) + 0.5) * each, all = each * labels.length;
      var words = n.brief.length > 12 ? n.brief.slice(0, 11) + "…" : n.brief;
      if (n.texts.length > 1) { words += " +" + (n.texts.length - 1); }
      var wide = textWidth(words), left = Math.max(0, Math.min(at - wide / 2, all - wide));
      var fits = left >= free && left + wide <= all + layout.margin.r, marked = fits || at - 6 >= free; // a mark under the label beside it is the dotted line alone
      if (marked) { free = fits ? left + wide + 10 : at + 8; }
      return { xref: "x", x: labels.indexOf(n.x), xanchor: "center", xshift: fits ? left + wide / 2 - at : 0, yref: "paper", y: 1,
               yanchor: "bottom", yshift: 3 + raised, showarrow: false, text: fits ? plain(words) : marked ? "▾" : "", font: { size: 12, color: extra.label },
               hovertext: n.texts.map(plain).join("<br>"), captureevents: true, note: n.x };
    });
  }

  carbon.painted = function (figure, name, width, height) {
    var copy = colored(figure, name);
    var layout = copy.layout;
    layout.template = carbon.templates[name];
    layout.width = width;
    layout.height = height;
    layout.autosize = false;
    if (width < 480 && bare(layout)) { layout.margin.r = 12; }
    var each = turned(copy, width) ? 0 : ticks(layout, width);
    copy.data.forEach(function (trace) {
      if (trace.meta && trace.meta.bar_tick && each) { trace.marker.size = Math.max(8, Math.min(each * 0.6, 40)); }
      if (trace.type === "heatmap" && trace.text) {
        var apart = Math.ceil(24 / ((width - layout.margin.l - layout.margin.r) / trace.x.length));
        trace.text = [trace.text[0].map(function (t, i) { return (trace.x.length - 1 - i) % apart ? "" : t; })];
      }
      if (trace.meta && trace.meta.values && each) {
        var all = each * trace.text.length;
        trace.text = trace.text.map(function (t, i) {
          var half = textWidth(t) / 2, at = (i + 0.5) * each;
          return (each < 26 && i !== trace.text.length - 1) || half > at + layout.margin.l || half > all - at + layout.margin.r ? "" : t;
        });
      }
    });
    var marks = noted(layout, each, name);
    copy.data.forEach(function (trace) { if (trace.meta && trace.meta.earlier && each) { clear(trace, layout, each, extras(name).ink); } });
    layout.annotations = ends(layout, height, width).concat(centre(layout, name), within(spots(layout), layout, each), within(layout.meta.words || [], layout, each), marks);
    if (carbon.shaped) { carbon.shaped(copy, name, width, height); }
    return copy;
  };

  /* The value of a bar with a tick of the year before stands in the top of the bar, below a tick that is
     there; over a bar that is too small for it, and over a tick that is close above. */
  function clear(trace, layout, each, ink) {
    var pixel = (layout.yaxis.range[1] - layout.yaxis.range[0]) / (layout.height - layout.margin.t - layout.margin.b);
    var narrow = each * 0.59 < 4 + Math.max.apply(null, trace.text.map(textWidth)), inside = trace.textfont.color;
    var over = trace.y.map(function (top) { return narrow || top < 40 * pixel; });
    trace.textposition = over.map(function (out) { return out ? "top center" : "bottom center"; });
    trace.textfont.color = over.map(function (out) { return out ? ink : inside; });
    trace.y = trace.y.map(function (top, i) {
      var mark = trace.meta.earlier[i], apart = mark === null ? 99 : (mark - top) / pixel;
      if (over[i]) { return (apart > 0 && apart < 22 ? mark : top) + 3 * pixel; }
      return (apart < 3 && apart > -20 ? Math.min(mark, top) : top) - 3 * pixel;
    });
  }

  /* Words that stand over a column do not stand out of the plot. */
  function within(list, layout, each) {
    if (!each) { return list; }
    var labels = layout.meta.ticks.map(function (t) { return t[0]; }), all = each * labels.length;
    return list.map(function (note) {
      var at = typeof note.x === "number" ? note.x : labels.indexOf(note.x), half = textWidth(String(note.text).replace(/<[^>]*>/g, "")) / 2;
      if (note.xref !== "x" || at < 0 || (note.xanchor && note.xanchor !== "center")) { return note; }
      var middle = (at + 0.5) * each;
      return Object.assign({}, note, { xshift: (note.xshift || 0) + Math.max(0, half - middle) - Math.max(0, half - all + middle) });
    });
  }

  /* Words at a month of the chart, or over a stretch of months; they stand inside the plot. */
  function spots(layout) {
    return (layout.meta.spots || []).map(function (note) {
      var over = note.at !== undefined;
      var range = (layout.yaxis || {}).range || [0, 1], low = !over && note.y - range[0] < 0.15 * (range[1] - range[0]); // no room below
      return { xref: "x", x: over ? note.at : note.x, yref: over ? "paper" : "y", y: over ? 1 : note.y, text: note.text, showarrow: false,
               yanchor: over || low ? "bottom" : "top", yshift: over ? 2 : low ? 8 : -8, xanchor: note.align || "center", xshift: note.align === "right" ? 8 : 0,
               font: { size: 12, color: note.color }, attributes: note.attributes };
    });
  }

  function plotOf(panel, at) { return panel.querySelector('.plot[data-plot="' + at + '"]'); }

  function heightOf(plot) {
    var height = Number(plot.getAttribute("data-height"));
    var panel = plot.closest("[data-panel]");
    var shaped = panel.classList.contains("radar") || panel.classList.contains("flow");
    if (window.innerWidth < PHONE && !shaped) { height = Math.min(height, 300); }
    if (panel.classList.contains("enlarged")) { return Math.max(height, Math.floor((window.innerHeight - 200) / panel.querySelectorAll(".plot").length)); }
    return height;
  }

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.carbon = {
    draw: function (charts) {
      var outputs = [].concat(window.dash_clientside.callback_context.outputs_list);
      if (!charts) { return outputs.map(function () { return window.dash_clientside.no_update; }); }
      carbon.charts = charts;
      window.requestAnimationFrame(attach);
      return outputs.map(function (output) {
        var id = output.id;
        var panel = document.querySelector('[data-panel="' + id.panel + '"]');
        var chart = charts[id.panel];
        var at = Number(id.part.slice(4));
        if (!panel || !chart || !chart.plots[at]) { return { data: [], layout: { height: 10, xaxis: { visible: false }, yaxis: { visible: false } } }; }
        var plot = plotOf(panel, at);
        var figure = carbon.painted(chart.plots[at], theme(), Math.max(120, Math.floor(plot.clientWidth)), heightOf(plot));
        plot.style.minHeight = figure.layout.height + "px"; // a waterfall on its side has a height of its own
        return figure;
      });
    },
    loading: function () {
      var outputs = [].concat(window.dash_clientside.callback_context.outputs_list);
      return outputs.map(function () { return "loading"; });
    }
  };

  /* ---- after drawing: listeners, and the ledger's names on the numbers of the picture ---- */

  function attach() {
    document.querySelectorAll(".plot").forEach(function (plot) {
      var gd = plot.querySelector(".js-plotly-plot");
      var panel = plot.closest("[data-panel]");
      var chart = carbon.charts[panel.getAttribute("data-panel")];
      if (!chart || !chart.plots[Number(plot.getAttribute("data-plot"))]) { return; }
      var drawing = chart.plots[Number(plot.getAttribute("data-plot"))];
      var strip = !drawing.data[0] || (drawing.data[0].type === "heatmap" && !drawing.layout.meta.week);
      if (!strip) { plot.tabIndex = 0; }
      plot.setAttribute("role", "img");
      plot.setAttribute("aria-label", strip || drawing.layout.meta.week ? panel.querySelector(".area-lead-" + plot.getAttribute("data-plot")).textContent : chart.label);
      if (!gd || !gd.on) { window.setTimeout(attach, 80); return; }
      mark(gd);
      if (gd.carbonAttached) { return; }
      gd.carbonAttached = true;
      plot.addEventListener("blur", function () { leave(panel); });
      /* A finger is the page's: Plotly would keep it on a radar and take the end of a swipe for a click. A tap still comes as a click. */
      plot.addEventListener("touchstart", function (event) { event.stopPropagation(); }, { capture: true, passive: true });
      gd.on("plotly_hover", function (event) {
        var point = event.points[0];
        if (point.data === undefined && event.event) { point = { label: point.label, data: gd.data[0], carbonAt: { x: event.event.clientX } }; }
        hover(panel, gd, point);
      });
      if (carbon.shapeAttached) { carbon.shapeAttached(gd, plot); }
      gd.on("plotly_unhover", function () { leave(panel); });
      gd.on("plotly_click", function (event) { carbon.pressed(chosen(gd, event), plot, event.points[0] && (event.points[0].data || {}).orientation !== "h" ? String(event.points[0].x) : ""); });
      gd.on("plotly_afterplot", function () { mark(gd); });
    });
  }

  function name(element, attributes) {
    if (!element || !attributes) { return; }
    Object.keys(attributes).forEach(function (key) { element.setAttribute(key.replace("_", "-"), attributes[key]); });
  }

  function mark(gd) {
    gd.querySelectorAll(".textpoint, .point").forEach(function (point) {
      var datum = point.__data__;
      var trace = datum && datum.trace ? datum.trace : point.parentNode.parentNode.__data__ && point.parentNode.parentNode.__data__[0] && point.parentNode.parentNode.__data__[0].trace;
      var text = point.querySelector("text");
      if (!text || !text.textContent || !trace || !trace.customdata) { return; }
      name(text, trace.customdata[datum.i]);
    });
    gd.querySelectorAll(".annotation").forEach(function (node) {
      var annotation = gd.layout.annotations[Number(node.getAttribute("data-index"))];
      if (annotation) { name(node.querySelector("text"), annotation.note ? { "data_verbatim": "1" } : annotation.attributes); }
    });
    if (carbon.shapesMarked) { carbon.shapesMarked(gd, name); }
    carbon.monthsMarked(gd);
  }

  /* The mark under the pointer: the part of a stack, the nearest point of a line. */
  function chosen(gd, event) {
    var slice = event.points[0] && event.points[0].customdata;
    if (Array.isArray(slice)) { return slice[0] || {}; } // a part of a ring may stand for several
    var points = event.points.filter(function (p) { return p.customdata && Object.keys(p.customdata).length; });
    var own = carbon.shapeChosen && carbon.shapeChosen(gd, event);
    if (own) { return own; }
    if (!points.length) { return {}; }
    var axis = gd._fullLayout.yaxis;
    if (!axis || points[0].y === undefined || !event.event || points[0].data.orientation === "h") { return points[0].customdata; }
    var at = axis.p2c(event.event.clientY - gd.getBoundingClientRect().top - axis._offset);
    // Plotly tells the nearest first; a stack is counted from its foot.
    var stack = points.filter(function (p) { return p.data.type === "bar"; }).sort(function (a, b) { return a.curveNumber - b.curveNumber; });
    if (stack.length && gd._fullLayout.barmode === "relative") {
      var top = 0, below = stack.filter(function (p) { return p.y < 0; });
      if (at < 0 && below.length) { return below[0].customdata; }
      stack = stack.filter(function (p) { return p.y >= 0; });
      for (var i = 0; i < stack.length; i += 1) { top += stack[i].y; if (at <= top) { return stack[i].customdata; } }
      return (stack[stack.length - 1] || below[0]).customdata;
    }
    return points.sort(function (a, b) { return Math.abs(a.y - at) - Math.abs(b.y - at); })[0].customdata;
  }

  /* ---- the hover box: one for a month, beside it, with everything of the card ---- */

  function box() {
    var found = document.getElementById("hover-box");
    if (!found) {
      found = document.createElement("div");
      found.id = "hover-box";
      found.className = "hover-box";
      document.body.appendChild(found);
    }
    return found;
  }

  function line(parent, cls) {
    var element = document.createElement("div");
    element.className = cls;
    parent.appendChild(element);
    return element;
  }

  function word(parent, text, cls, attributes) {
    var element = document.createElement("span");
    element.className = cls || "";
    element.textContent = text;
    name(element, attributes);
    parent.appendChild(element);
    return element;
  }

  /* Whether anything of the box is a part that the page can be filtered by, or stands on a month. */
  function filters(at) {
    return at.month || at.groups.some(function (group) { return group.rows.some(function (row) { return row.attributes && row.attributes.data_part; }); });
  }

  function fill(found, chart, at) {
    found.textContent = "";
    var head = line(found, "hover-head");
    word(head, at.head, "hover-period");
    word(head, at.quality, "hover-quality");
    at.groups.forEach(function (group) {
      if (group.title && at.groups.length > 1) { word(line(found, "hover-group"), group.title); }
      group.rows.forEach(function (row) {
        var one = line(found, "hover-row");
        word(one, "", "swatch c-" + row.color.replace(".", "-"));
        word(one, row.name, "hover-name");
        word(one, row.text, "hover-value num", row.attributes);
        word(one, row.share, "hover-share num");
      });
      [group.whole, group.earlier, group.estimate].forEach(function (row, i) {
        if (!row) { return; }
        var one = line(found, "hover-row" + (i ? "" : " hover-whole"));
        word(one, "", "swatch-gap");
        word(one, row.name, "hover-name");
        word(one, row.text, "hover-value num", row.attributes);
        word(one, "", "hover-share");
      });
    });
    (at.notes || []).forEach(function (text) { word(line(found, "hover-note"), text, "", { data_verbatim: "1" }); });
    if (chart.lens) { word(line(found, "hover-lens"), chart.lens); }
    word(line(found, "hover-foot"), filters(at) ? chart.filter : chart.trace);
  }

  /* A ring shows the last period; a bar that lies on its side has its name at the left. */
  function labelOf(point, chart) {
    if (point.data && point.data.orientation === "h") { return point.y; }
    return point.x === undefined ? Object.keys(chart.hover).pop() : point.x;
  }

  function hover(panel, gd, point) {
    var chart = carbon.charts[panel.getAttribute("data-panel")];
    var own = carbon.shapeHover && carbon.shapeHover(chart, gd, point);
    var label = labelOf(point, chart);
    var at = own === undefined ? chart.hover[label] : own;
    if (!at) { return; }
    panel.setAttribute("data-month", label);
    var found = box();
    fill(found, chart, at);
    found.style.display = "block";
    place(found, gd, point);
    fade(panel, point);
  }

  function place(found, gd, point) {
    var rect = gd.getBoundingClientRect();
    var left = rect.left + rect.width / 2, gap = 24;
    if (point.carbonAt) { left = point.carbonAt.x; gap = 20; }
    else if (point.xaxis && point.xaxis.l2p) {
      left = rect.left + point.xaxis._offset + point.xaxis.l2p(point.xaxis.d2l ? point.xaxis.d2l(point.x) : point.pointNumber);
      gap = Math.max(14, point.xaxis._length / (point.xaxis._categories ? point.xaxis._categories.length : 12) / 2 + 6);
    } else { gap = rect.width / 2 + 8; }
    var x = left + gap;
    if (x + found.offsetWidth > window.innerWidth - 8) { x = left - gap - found.offsetWidth; }
    found.style.left = Math.max(4, x) + "px";
    found.style.top = Math.max(4, Math.min(rect.top + 8, window.innerHeight - found.offsetHeight - 8)) + "px";
  }

  function fade(panel, point) {
    if (point.x === undefined || point.data.type === "heatmap") { return; }
    var lies = point.data.orientation === "h" || !point.xaxis || !point.xaxis.d2c; // else a trace may begin later than the bars
    var at = lies ? point.pointNumber : point.xaxis.d2c(point.x);
    panel.querySelectorAll(".barlayer .point").forEach(function (bar) {
      bar.style.opacity = bar.__data__ && (lies ? bar.__data__.i : Math.round(bar.__data__.p)) === at ? 1 : 0.33;
    });
    panel.querySelectorAll(".textpoint").forEach(function (text) { text.style.opacity = 0; });
  }

  function leave(panel) {
    box().style.display = "none";
    panel.querySelectorAll(".barlayer .point, .textpoint").forEach(function (mark) { mark.style.opacity = ""; });
  }

  carbon.step = function (plot, by) {
    var gd = plot.querySelector(".js-plotly-plot");
    if (gd && carbon.shapeStep && carbon.shapeStep(gd, by)) { return; }
    if (!gd || !gd.data || !gd.data[0] || !gd.data[0].x) { return; }
    var count = gd.data[0].x.length;
    var now = gd.carbonAt === undefined ? (by > 0 ? -1 : count) : gd.carbonAt;
    gd.carbonAt = Math.max(0, Math.min(count - 1, now + by));
    // Plotly tells nobody of a hover that no pointer made.
    hover(plot.closest("[data-panel]"), gd, { x: gd.data[0].x[gd.carbonAt], data: gd.data[0], pointNumber: gd.carbonAt, xaxis: gd._fullLayout.xaxis });
  };

  /* ---- legend: a name hides its series in every chart of its row ---- */

  carbon.toggle = function (button) {
    var on = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(on));
    var lead = button.closest("[class*=area-lead-]");
    var at = /area-lead-(\d)/.exec(lead.className)[1];
    var gd = button.closest("[data-panel]").querySelector('.plot[data-plot="' + at + '"] .js-plotly-plot');
    window.Plotly.restyle(gd, { visible: on ? true : "legendonly" }, button.getAttribute("data-series").split(" ").map(Number));
  };

  /* ---- pictures: light, white ground, title, unit, period, source and mark inside ---- */

  function escaped(text) {
    return String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/"/g, "&quot;");
  }

  function label(x, y, size, weight, color, text, anchor) {
    return '<text x="' + x + '" y="' + y + '" font-size="' + size + '" font-weight="' + weight + '" fill="' + color +
      '" text-anchor="' + (anchor || "start") + '">' + escaped(text) + "</text>";
  }

  /* Rings and radars have no legend over them: their names come from what is drawn. */
  function ownKeys(figure) {
    var first = figure.data[0];
    if (first && first.type === "pie") { return first.labels.map(function (name, i) { return [name, first.marker.colors[i]]; }); }
    if (first && first.type === "scatterpolar") { return figure.data.map(function (trace) { return [trace.name, trace.line.color]; }); }
    return [];
  }

  function keyColor(word) {
    if (word[0] === "@") { return colored(word, "light"); }
    var parts = word.split("."), family = carbon.templates.light.layout.meta.colors[parts[0]] || {};
    var known = extras("light")[word] || family[(parts[1] || "").replace(/-soft$/, "")];
    return known ? colored("@" + word, "light") : "#52606D";
  }

  function keys(pairs, x, y) {
    return pairs.map(function (pair) {
      var at = x;
      x += 34 + textWidth(pair[0]);
      return '<rect x="' + at + '" y="' + (y - 9) + '" width="10" height="10" rx="2" fill="' + keyColor(pair[1]) + '"/>' + label(at + 15, y, 12, 400, "#52606D", pair[0]);
    }).join("");
  }

  /* What stands over a chart: its title and the names of its series, as names and colours. */
  function leadOf(panel, at) {
    var title = panel.querySelector(".area-lead-" + at + " .lead-title"), items = panel.querySelectorAll(".area-lead-" + at + " .legend-item");
    return {
      height: Number(plotOf(panel, at).getAttribute("data-height")),
      title: title ? Array.prototype.map.call(title.children, function (e) { return e.textContent; }).join(" ") : "",
      keys: Array.prototype.map.call(items, function (item) {
        var shape = item.querySelector(".key"), token = /c-([a-z]+)-([a-z0-9-]+)/.exec(shape ? shape.className : "");
        return [item.textContent, token ? token[1] + "." + token[2] : ""];
      })
    };
  }

  /* The charts of a card under its title as one SVG; ``leads`` has what stands over each. */
  carbon.composed = function (chart, leads, width, height) {
    var y = 64, tall = leads.reduce(function (sum, lead) { return sum + lead.height; }, 0);
    var scale = height ? Math.max(0.5, (height - 108 - 28 * leads.length) / tall) : 1.25;
    var jobs = chart.plots.map(function (figure, at) {
      var high = Math.round(leads[at].height * scale);
      return window.Plotly.toImage(carbon.painted(figure, "light", width - 48, high), { format: "svg", width: width - 48, height: high, imageDataOnly: true })
        .then(function (svg) { return { svg: svg, height: high, lead: leads[at], figure: figure }; });
    });
    return Promise.all(jobs).then(function (parts) {
      var body = label(24, 32, 18, 700, "#1F2933", chart.title) + label(24, 54, 13, 400, "#52606D", chart.subtitle);
      if (chart.mark) { body += label(width - 24, 32, 13, 600, "#93510A", chart.mark, "end"); }
      parts.forEach(function (part) {
        y += 22;
        body += label(24, y, 13, 600, "#1F2933", part.lead.title);
        body += part.lead.keys.length ? keys(part.lead.keys, 220, y) : keys(ownKeys(part.figure), 24, y);
        body += '<g transform="translate(24,' + (y + 6) + ')">' + part.svg.replace(/^[^<]*<svg/, "<svg") + "</g>";
        y += part.height + 6;
      });
      y += 26;
      var where = chart.site + "  " + chart.range;
      body += label(24, y, 12, 400, "#66727F", chart.foot);
      if (textWidth(chart.foot) + textWidth(where) > width - 72) { y += 18; }
      body += label(width - 24, y, 12, 400, "#66727F", where, "end");
      y += 18;
      var font = carbon.templates.light.layout.font.family.replace(/"/g, "'");
      return { text: '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="' + width + '" height="' + y + '" viewBox="0 0 ' + width + " " + y +
        '" font-family="' + font + '"><rect width="100%" height="100%" fill="#FFFFFF"/>' + body + "</svg>",
        width: width, height: y, name: [chart.site, chart.title, chart.focus, chart.lens, chart.range].filter(Boolean).join("_").replace(/[\\/:*?"<>| ]+/g, "") };
    });
  };

  carbon.picture = function (panel) {
    var chart = carbon.charts[panel.getAttribute("data-panel")];
    return carbon.composed(chart, chart.plots.map(function (_, at) { return leadOf(panel, at); }), 1000);
  };

  /* The picture as dots: a canvas, so many of them a pixel. */
  carbon.dots = function (picture, scale) {
    return new Promise(function (resolve, reject) {
      var image = new Image();
      image.onerror = reject;
      image.onload = function () {
        var canvas = document.createElement("canvas");
        canvas.width = Math.round(picture.width * scale);
        canvas.height = Math.round(picture.height * scale);
        var pen = canvas.getContext("2d");
        pen.scale(scale, scale);
        pen.drawImage(image, 0, 0);
        resolve(canvas);
      };
      image.src = "data:image/svg+xml;charset=utf-8," + encodeURIComponent(picture.text);
    });
  };

  function save(blob, file) {
    var link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = file;
    link.click();
    window.setTimeout(function () { URL.revokeObjectURL(link.href); }, 10000);
  }

  carbon.saved = save;
  carbon.download = function (panel, format) {
    return carbon.picture(panel).then(function (picture) {
      if (format === "svg") { save(new Blob([picture.text], { type: "image/svg+xml" }), picture.name + ".svg"); return undefined; }
      return carbon.dots(picture, 2).then(function (canvas) {
        canvas.toBlob(function (blob) { save(blob, picture.name + ".png"); }, "image/png");
      });
    });
  };
})();
