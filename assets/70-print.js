/* Paper: charts are drawn anew in light colours for its width, every sheet says what it is of. */
(function () {
  "use strict";
  var carbon = (window.carbon = window.carbon || {});
  var root = document.documentElement;

  /* What stands in a style sheet as a string is nothing else. */
  function quoted(text) {
    return '"' + text.replace(/[^\w \u00a0-\uffff.,:/()+%-]/g, function (c) { return "\\" + c.charCodeAt(0).toString(16) + " "; }) + '"';
  }

  function headed() {
    var line = document.querySelector(".print-head");
    var what = (line && line.getAttribute("data-paper")) || document.title;
    var mark = line ? [line.getAttribute("data-mark"), document.querySelector("[data-forecast]") ? line.getAttribute("data-forecast-mark") : ""].filter(Boolean).join(" · ") : "";
    var day = new Date().toLocaleDateString("sv-SE");
    var style = document.getElementById("paper-head") || document.createElement("style");
    style.id = "paper-head";
    style.textContent = "@page { @top-left { content: " + quoted(what) + "; font: 8pt sans-serif; color: #52606D; } @top-right { content: " +
      quoted([mark, day].filter(Boolean).join("   ")) + "; font: 8pt sans-serif; color: #93510A; } }";
    document.head.appendChild(style);
    document.querySelectorAll(".print-time").forEach(function (place) {
      place.textContent = document.querySelector(".account-name").textContent + (root.lang.indexOf("zh") ? ", " : "，") + new Date().toLocaleString(root.lang);
    });
  }

  /* Nothing waits for a promise before paper: what is drawn now is what is printed. The picture for
     paper stands in the place of the one on the screen, which keeps what it listens to. */
  function drawn() {
    document.querySelectorAll(".panel .plot").forEach(function (plot) {
      var panel = plot.closest("[data-panel]"), chart = carbon.charts[panel.getAttribute("data-panel")];
      var figure = chart && chart.plots[Number(plot.getAttribute("data-plot"))];
      if (!figure || !plot.clientWidth) { return; }
      var made = carbon.painted(figure, "light", Math.floor(plot.clientWidth), heightOf(plot, panel, figure));
      var place = document.createElement("div");
      place.className = "paper-plot";
      plot.appendChild(place);
      window.Plotly.newPlot(place, made.data, made.layout, { staticPlot: true });
      place.querySelectorAll(".main-svg").forEach(function (svg) { svg.setAttribute("viewBox", "0 0 " + made.layout.width + " " + made.layout.height); });
    });
  }

  /* A little lower than on the screen: two rows of cards share a sheet. What is tall there is so for its neighbour's controls. */
  function heightOf(plot, panel, figure) {
    var height = Number(plot.getAttribute("data-height"));
    var share = panel.classList.contains("radar") || (figure.data[0] || {}).type === "pie" ? 1 : panel.classList.contains("flow") ? 0.9 : height > 400 ? 0.64 : height < 200 ? 0.92 : 0.8;
    return Math.round(height * share);
  }

  function cleared() {
    document.querySelectorAll(".paper-plot").forEach(function (place) {
      place.remove();
      window.setTimeout(function () { window.Plotly.purge(place); }, 2000); // what is still being drawn must find it
    });
  }

  /* Icons and sparklines are masks on the screen; some readers of PDF fill a mask. On paper they are shapes. */
  function inked() {
    document.querySelectorAll(".content .icon, .content .spark").forEach(function (shape) {
      var address = /^url\("data:image\/svg\+xml,(.*)"\)$/.exec(window.getComputedStyle(shape).maskImage);
      if (!address || !shape.checkVisibility()) { return; }
      var text = decodeURIComponent(address[1].replace(/\\"/g, '"')).replace(/#000/g, "currentColor");
      var drawing = new DOMParser().parseFromString(text, "image/svg+xml").documentElement;
      if (!drawing.hasAttribute("fill")) { drawing.setAttribute("fill", "currentColor"); }
      shape.appendChild(document.importNode(drawing, true));
      shape.classList.add("inked");
    });
  }

  function unmasked() {
    document.querySelectorAll(".inked").forEach(function (shape) { shape.lastChild.remove(); shape.classList.remove("inked"); });
  }

  window.addEventListener("beforeprint", function () {
    if (!document.querySelector(".app")) { return; }
    carbon.before = root.getAttribute("data-bs-theme");
    root.setAttribute("data-bs-theme", "light");
    root.classList.add("paper");
    headed();
    cleared();
    drawn();
    unmasked();
    inked();
  });

  window.addEventListener("afterprint", function () {
    root.classList.remove("paper");
    if (carbon.before) { root.setAttribute("data-bs-theme", carbon.before); } else { root.removeAttribute("data-bs-theme"); }
    cleared();
    unmasked();
    if (carbon.before !== "light" && carbon.screen) { carbon.screen(); }
  });
})();
