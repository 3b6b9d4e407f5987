/* Walking down in the drawer: the way back as breadcrumbs, a meter's course as a chart. */
(function () {
  "use strict";
  var carbon = (window.carbon = window.carbon || {});
  var way = [];

  /* Notes where the reader went: on from what the drawer shows, or anew; null where it closed. */
  carbon.went = function (asked, on) {
    if (!on) { way = []; }
    if (asked) { way.push({ asked: asked, title: "" }); }
  };

  function back(to) {
    var step = way[to];
    way = way.slice(0, to + 1);
    carbon.show(step.asked);
  }

  function crumb(words, to) {
    var button = document.createElement("button");
    button.type = "button";
    button.className = "crumb";
    button.textContent = words;
    button.setAttribute("data-verbatim", "1");
    button.addEventListener("click", function (event) { event.stopPropagation(); back(to); });
    return button;
  }

  function crumbs(place) {
    place.textContent = "";
    if (way.length < 2) { return; }
    var first = crumb("← " + place.getAttribute("data-back"), way.length - 2);
    first.className = "crumb crumb-back";
    place.appendChild(first);
    way.slice(0, -1).forEach(function (step, at) { place.appendChild(crumb(step.title, at)); });
  }

  function theme() { return document.documentElement.getAttribute("data-bs-theme") === "dark" ? "dark" : "light"; }

  function drawn() {
    document.querySelectorAll(".course-plot").forEach(function (place) {
      if (!window.Plotly || !place.clientWidth) { window.setTimeout(drawn, 120); return; }
      var figure = carbon.painted(JSON.parse(place.getAttribute("data-course")), theme(), place.clientWidth, 180);
      window.Plotly.react(place, figure.data, figure.layout, { displayModeBar: false, staticPlot: false, doubleClick: false }).then(function (gd) {
        if (gd.carbonAttached) { return; }
        gd.carbonAttached = true;
        gd.on("plotly_click", function (event) { carbon.open(event.points[0].customdata || {}, gd); });
      });
    });
  }

  /* The drawer shows something else: its name belongs to the last step of the way. */
  carbon.drawerShown = function () {
    var name = document.querySelector(".drawer .drawer-name"), place = document.querySelector(".drawer-crumbs");
    if (!name || !place) { return; }
    if (way.length) { way[way.length - 1].title = name.textContent; }
    crumbs(place);
    document.querySelectorAll(".drawer [data-module]").forEach(function (button) {
      if (button.getAttribute("data-module") === window.location.pathname) { button.style.display = "none"; }
    });
    drawn();
  };

  window.addEventListener("carbon-theme", drawn);
  new MutationObserver(drawn).observe(document.documentElement, { attributes: true, attributeFilter: ["data-bs-theme"] });

  document.addEventListener("click", function (event) {
    var module = event.target.closest("[data-module]");
    if (module) { carbon.close(); carbon.visit(module.getAttribute("data-module"), module.getAttribute("data-part")); return; }
    var filter = event.target.closest("[data-filter]");
    if (!filter) { return; }
    if (filter.closest(".drawer")) { carbon.close(); }
    carbon.filter(filter.getAttribute("data-filter"));
  });

  document.addEventListener("keydown", function (event) {
    if (event.key !== "Backspace" || way.length < 2 || !document.querySelector(".drawer")) { return; }
    if (/^(INPUT|TEXTAREA)$/.test(document.activeElement.tagName)) { return; }
    event.preventDefault();
    back(way.length - 2);
  });
})();
