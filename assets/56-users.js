/* 用户与权限: what is pressed is kept in a store, which the server reads when it is sent. */
(function () {
  "use strict";
  function kept(box) {
    var how = box.getAttribute("data-how"), buttons = box.querySelectorAll("[data-pick]"), found = how === "map" ? {} : [];
    buttons.forEach(function (button) {
      var pressed = button.getAttribute("aria-pressed") === "true", value = button.getAttribute("data-pick");
      if (how === "map") { found[value] = pressed; } else if (pressed) { found.push(value); }
    });
    return how === "one" ? found[0] || null : found;
  }
  document.addEventListener("click", function (event) {
    var button = event.target.closest("[data-picks] [data-pick]"), box = button && button.closest("[data-picks]");
    if (!box) { return; }
    var pressed = button.getAttribute("aria-pressed") === "true";
    if (box.getAttribute("data-how") === "one") {
      box.querySelectorAll("[data-pick]").forEach(function (other) { other.setAttribute("aria-pressed", String(other === button)); });
    } else {
      button.setAttribute("aria-pressed", String(!pressed));
    }
    var ident = box.getAttribute("data-ident");
    window.dash_clientside.set_props(ident ? JSON.parse(ident) : { page: "users", part: box.getAttribute("data-picks") }, { data: kept(box) });
  });
})();
