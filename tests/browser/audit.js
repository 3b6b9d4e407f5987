/* What a shown page is checked for; evaluated into the page by audits.py, beyond its CSP.
   Every check returns a list of findings: rule, selector, text and the numbers measured. */
(() => {
  const CONTROLS = 'button, a[href], input:not([type=hidden]), select, textarea, summary, ' +
    '[role=button], [role=link], [role=tab], [role=menuitem], [role=checkbox], [role=switch]';
  const NUMBERS = '[data-figure], [data-figures], [data-forecast]';
  const CJK = /[\u2e80-\u303f\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef]/;
  const SENTENCE = /[A-Za-z]{2,}(?:,? [A-Za-z]{2,}){3,}/;
  const WORDS = ['aria-label', 'title', 'alt', 'placeholder'];
  const NEAR = 1;

  /* ---- elements in words ---- */

  const round = (number) => Math.round(number * 100) / 100;
  const short = (text) => text.replace(/\s+/g, ' ').trim().slice(0, 80);

  function step(el) {
    const panel = el.dataset && el.dataset.panel;
    if (panel) { return `[data-panel=${panel}]`; }
    if (/^[\w-]+$/.test(el.id)) { return `#${el.id}`; }
    const cls = [...el.classList].slice(0, 2).map((name) => `.${name}`).join('');
    const same = el.parentElement ? [...el.parentElement.children].filter((one) => one.tagName === el.tagName) : [el];
    return el.tagName.toLowerCase() + cls + (same.length > 1 ? `:nth-of-type(${same.indexOf(el) + 1})` : '');
  }

  function selector(el) {
    const path = [];
    for (let at = el; at && at !== document.documentElement; at = at.parentElement) {
      path.unshift(step(at));
      if (/^[#[]/.test(path[0]) || path.length > 5) { break; }
    }
    return path.join(' > ') || 'html';
  }

  const finding = (rule, el, text, more) => ({ rule, selector: selector(el), text: short(text || ''), ...more });

  function name(el) {
    const by = (el.getAttribute('aria-labelledby') || '').split(/\s+/).map((id) => document.getElementById(id));
    const label = el.labels && el.labels[0];
    return short(el.getAttribute('aria-label') || by.filter(Boolean).map((one) => one.textContent).join(' ') ||
      (label && label.textContent) || el.innerText || el.title || el.placeholder || el.value || '');
  }

  /* ---- what can be seen ---- */

  const visible = (el) => el.checkVisibility({ opacityProperty: true, visibilityProperty: true });

  function concealed(el) {
    for (let at = el; at && at !== document.body; at = at.parentElement) {
      if (at.classList.contains('visually-hidden')) { return true; }
      const rect = at.getBoundingClientRect(), look = getComputedStyle(at);
      const tiny = rect.width <= 1 && rect.height <= 1 && look.position === 'absolute';
      if (tiny && (look.overflowX === 'hidden' || look.clipPath !== 'none')) { return true; }
    }
    return false;
  }

  const box = (rect) => ({ left: rect.left, top: rect.top, right: rect.right, bottom: rect.bottom });

  function inner(el) {
    const rect = el.getBoundingClientRect(), left = rect.left + el.clientLeft, top = rect.top + el.clientTop;
    return { left, top, right: left + el.clientWidth, bottom: top + el.clientHeight };
  }

  const pen = document.createElement('canvas').getContext('2d');

  /* How much of a line's box, from above and from below, its letters leave empty. A line of CJK
     type has a box half as high again as its letters: boxes of lines that do not touch overlap. */
  function leading(el, text) {
    const look = getComputedStyle(el);
    pen.font = `${look.fontStyle} ${look.fontWeight} ${look.fontSize} ${look.fontFamily}`;
    const size = pen.measureText(text), whole = size.fontBoundingBoxAscent + size.fontBoundingBoxDescent;
    return {
      above: Math.max(0, size.fontBoundingBoxAscent - size.actualBoundingBoxAscent) / whole,
      below: Math.max(0, size.fontBoundingBoxDescent - size.actualBoundingBoxDescent) / whole
    };
  }

  function turned(el) {
    const matrix = el.getScreenCTM && el.getScreenCTM();
    return Boolean(matrix) && Math.abs(matrix.b) > 0.01;
  }

  /* The boxes of a text's lines, as high as its letters. */
  function lines(node, el) {
    const text = node.data, range = document.createRange();
    range.setStart(node, text.search(/\S/));
    range.setEnd(node, text.trimEnd().length);
    const rects = [...range.getClientRects()].filter((rect) => rect.width > 0 && rect.height > 0);
    const empty = turned(el) ? { above: 0, below: 0 } : leading(el, text.trim());
    return rects.map((rect) => ({
      left: rect.left, right: rect.right,
      top: rect.top + rect.height * empty.above, bottom: rect.bottom - rect.height * empty.below
    }));
  }

  function svgRoot(el) {
    let root = el.closest('svg');
    while (root && root.parentElement && root.parentElement.closest('svg')) { root = root.parentElement.closest('svg'); }
    return root;
  }

  /* Every text that can be seen: its node, element, lines, and the svg it is drawn in. */
  function texts() {
    const found = [], walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) {
      const node = walk.currentNode, el = node.parentElement;
      if (!node.data.trim() || el.closest('script, style, noscript, template, option, textarea, svg title, svg desc')) { continue; }
      if (!visible(el) || concealed(el)) { continue; }
      const rects = lines(node, el);
      if (rects.length) { found.push({ node, el, text: node.data, lines: rects, svg: svgRoot(el) }); }
    }
    return found;
  }

  /* The boxes around an element that can cut it or that it can stick out of, nearest first;
     `flow` is false where it was taken out of the flow below that box. */
  function* around(start) {
    let flow = true, wanted = '';
    for (let el = start; el && el !== document.documentElement; el = el.parentElement) {
      const look = getComputedStyle(el);
      if (look.display === 'contents') { continue; }
      const holds = look.transform !== 'none' || look.filter !== 'none' || look.contain.includes('paint');
      if (wanted === 'fixed' && !holds) { continue; }
      if (wanted === 'absolute' && !holds && look.position === 'static') { continue; }
      wanted = '';
      if (look.display !== 'inline') { yield { el, look, flow }; }
      if (look.position === 'absolute' || look.position === 'fixed') { wanted = look.position; flow = false; }
    }
  }

  const scrolls = (value) => value === 'auto' || value === 'scroll';
  const cuts = (value) => value === 'hidden' || value === 'clip';
  /* A container meant to be scrolled sideways says so: data-scroll, or data-scroll="x". */
  const sideways = (el, look) => scrolls(look.overflowX) && el.hasAttribute('data-scroll') && el.dataset.scroll !== 'y';

  const within = (rects, limit, across, down) => rects.map((rect) => ({
    left: across ? Math.max(rect.left, limit.left) : rect.left,
    right: across ? Math.min(rect.right, limit.right) : rect.right,
    top: down ? Math.max(rect.top, limit.top) : rect.top,
    bottom: down ? Math.min(rect.bottom, limit.bottom) : rect.bottom
  })).filter((rect) => rect.right > rect.left && rect.bottom > rect.top);

  /* ---- a: the page scrolls sideways ---- */

  function pageScroll() {
    const root = document.scrollingElement, found = [];
    for (const el of new Set([root, document.body])) {
      if (el.scrollWidth <= el.clientWidth || (el !== root && getComputedStyle(el).overflowX === 'visible')) { continue; }
      const wide = [...document.body.querySelectorAll('*')].filter((one) => visible(one) &&
        one.getBoundingClientRect().right + window.scrollX > root.clientWidth + NEAR);
      const last = wide.filter((one) => !wide.some((other) => other !== one && one.contains(other)));
      found.push(finding('page-scroll', el, last.slice(0, 5).map(selector).join(' | '),
        { scrollWidth: el.scrollWidth, clientWidth: el.clientWidth }));
    }
    return found;
  }

  /* ---- b, c: text that is cut or sticks out ---- */

  const ends = (rects, low, high) => [Math.min(...rects.map((rect) => rect[low])), Math.max(...rects.map((rect) => rect[high]))];

  function beyond(rects, limit, low, high, near = NEAR) {
    const [first, last] = ends(rects, low, high);
    return first < limit[low] - near || last > limit[high] + near
      ? { from: round(first), to: round(last), limit: `${round(limit[low])} to ${round(limit[high])}` } : null;
  }

  const across = (rects, limit, near) => beyond(rects, limit, 'left', 'right', near);
  const down = (rects, limit) => beyond(rects, limit, 'top', 'bottom');

  function shortened(el, look, rects) {
    if (look.textOverflow !== 'ellipsis' || look.overflowX === 'visible') { return null; }
    const limit = { left: -Infinity, right: inner(el).right - parseFloat(look.paddingRight) };
    return across(rects, limit, 0.1);
  }

  function offPage(rects) {
    const root = document.scrollingElement, known = root.scrollWidth > root.clientWidth;
    return across(rects, { left: -window.scrollX, right: known ? Infinity : root.clientWidth });
  }

  /* The nearest box that cuts a text or that it sticks out of, or null. */
  function cutBy(start, all) {
    let rects = all;
    for (const { el, look, flow } of around(start)) {
      const open = look.overflowX === 'visible', limit = open ? box(el.getBoundingClientRect()) : inner(el);
      if (sideways(el, look)) { rects = within(rects, limit, true, false); }
      else if (flow || !open) {
        const out = across(rects, limit) || shortened(el, look, rects);
        if (out) { return { by: selector(el), how: open ? 'sticks out' : 'cut', ...out }; }
      }
      if (scrolls(look.overflowY)) { rects = within(rects, limit, false, true); }
      const out = rects.length && cuts(look.overflowY) && down(rects, limit);
      if (out) { return { by: selector(el), how: 'cut above or below', ...out }; }
      if (!rects.length) { return null; }
    }
    const out = offPage(rects);
    return out && { by: 'html', how: 'off the page', ...out };
  }

  /* Fields, and boxes that cut, whose content is wider than they are. What merely sticks out of an
     open box is found by its lines: an open box may hold a wider hit area on purpose. */
  function strained(all, told) {
    const boxes = new Set([...document.querySelectorAll('input, textarea')].filter(visible));
    for (const text of all) {
      for (const { el, look } of around(text.el)) {
        if (!sideways(el, look) && look.overflowX !== 'visible') { boxes.add(el); }
      }
    }
    return [...boxes].filter((el) => el.scrollWidth > el.clientWidth + 0.5 && !told.some((one) => el.contains(one)))
      .map((el) => finding('clipped', el, el.innerText || el.value,
        { how: 'wider than its box', scrollWidth: el.scrollWidth, clientWidth: el.clientWidth }));
  }

  function clipped() {
    const all = texts().filter((text) => !text.svg), found = [], told = [];
    for (const text of all) {
      const out = cutBy(text.el, text.lines);
      if (out) { found.push(finding('clipped', text.el, text.text, out)); told.push(text.el); }
    }
    return found.concat(strained(all, told));
  }

  function svgText() {
    const found = [];
    for (const text of texts().filter((one) => one.svg)) {
      const limit = box(text.svg.getBoundingClientRect());
      const out = across(text.lines, limit) || down(text.lines, limit) || cutBy(text.svg, text.lines);
      if (out) { found.push(finding('svg-text', text.el, text.text, { by: selector(text.svg), ...out })); }
    }
    return found;
  }

  /* ---- d: texts of one chart that lie on each other ---- */

  function inSight(text) {
    let rects = text.svg ? within(text.lines, box(text.svg.getBoundingClientRect()), true, true) : text.lines;
    for (const { el, look } of around(text.svg || text.el)) {
      rects = within(rects, inner(el), look.overflowX !== 'visible', look.overflowY !== 'visible');
    }
    return rects;
  }

  function overlap(one, other) {
    for (const a of one.seen) {
      for (const b of other.seen) {
        const width = Math.min(a.right, b.right) - Math.max(a.left, b.left);
        const height = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
        if (width > 2 && height > 2) { return { width: round(width), height: round(height) }; }
      }
    }
    return null;
  }

  const related = (one, other) => one.contains(other) || other.contains(one) ||
    (one.closest('text') !== null && one.closest('text') === other.closest('text'));

  function overlaps() {
    const charts = new Map(), found = [];
    for (const text of texts()) {
      const chart = text.el.closest('[data-panel]') || text.el.closest('.js-plotly-plot');
      if (!chart || text.el.closest('.hover-box')) { continue; }
      charts.set(chart, [...(charts.get(chart) || []), { ...text, seen: inSight(text) }]);
    }
    for (const all of charts.values()) {
      all.forEach((one, at) => all.slice(at + 1).forEach((other) => {
        const size = !related(one.el, other.el) && overlap(one, other);
        if (size) { found.push(finding('overlap', one.el, one.text, { with: short(other.text), other: selector(other.el), ...size })); }
      }));
    }
    return found;
  }

  /* ---- e: touch targets ---- */

  const REACH = 21, LEAST = 44;

  /* A link within running text or a table, or a number of the ledger or a forecast. */
  function inText(el) {
    if (el.closest(NUMBERS)) { return true; }
    if (el.tagName !== 'A' || !getComputedStyle(el).display.startsWith('inline')) { return false; }
    if (el.closest('td, th')) { return true; }
    const block = around(el.parentElement).next().value, walk = document.createTreeWalker(block ? block.el : document.body, NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) {
      if (walk.currentNode.data.trim() && !walk.currentNode.parentElement.closest(CONTROLS)) { return true; }
    }
    return false;
  }

  function hits(el, x, y) {
    const hit = document.elementFromPoint(x, y), label = hit && hit.closest('label');
    return Boolean(hit) && (el.contains(hit) || (label !== null && label.control === el));
  }

  function reached(el) {
    el.scrollIntoView({ block: 'center', inline: 'center', behavior: 'instant' });
    const rect = el.getBoundingClientRect(), x = (rect.left + rect.right) / 2, y = (rect.top + rect.bottom) / 2;
    return [[-REACH, 0], [REACH, 0], [0, -REACH], [0, REACH]].every(([dx, dy]) => hits(el, x + dx, y + dy));
  }

  function touchTargets() {
    const at = [window.scrollX, window.scrollY], found = [];
    for (const el of document.querySelectorAll(CONTROLS)) {
      const rect = el.getBoundingClientRect();
      const away = rect.bottom + window.scrollY <= 0 || rect.right + window.scrollX <= 0;
      if (!visible(el) || concealed(el) || away || inText(el)) { continue; }
      if (rect.width >= LEAST - 0.5 && rect.height >= LEAST - 0.5) { continue; }
      if (!reached(el)) { found.push(finding('touch-target', el, name(el), { width: round(rect.width), height: round(rect.height) })); }
    }
    window.scrollTo({ left: at[0], top: at[1], behavior: 'instant' });
    return found;
  }

  /* ---- f: focus ---- */

  const ROVING = ['tab', 'menuitem', 'menuitemradio', 'option', 'radio', 'treeitem', 'gridcell'];
  const walked = { order: [], shadows: new Map() };

  function focusStart() {
    walked.order = [];
    walked.shadows = new Map([...document.querySelectorAll('body *')].map((el) => [el, getComputedStyle(el).boxShadow]));
    const first = document.createElement('span');
    first.tabIndex = -1;
    document.body.prepend(first);
    first.focus();
    first.remove();
    window.scrollTo({ top: 0, behavior: 'instant' });
  }

  function indicated(el) {
    const look = getComputedStyle(el);
    const ring = look.outlineStyle !== 'none' && parseFloat(look.outlineWidth) > 0 && !/^(transparent|rgba\(.*, 0\))$/.test(look.outlineColor);
    return ring || (look.boxShadow !== 'none' && look.boxShadow !== walked.shadows.get(el));
  }

  /* At least one of nine points of it is neither off the screen nor under something else. */
  function uncovered(el) {
    return [...el.getClientRects()].some((rect) => [0.1, 0.5, 0.9].some((x) => [0.1, 0.5, 0.9].some((y) => {
      const hit = document.elementFromPoint(rect.left + rect.width * x, rect.top + rect.height * y);
      return hit && (el.contains(hit) || (hit !== document.body && hit !== document.documentElement && hit.contains(el)));
    })));
  }

  function focusAt() {
    const el = document.activeElement;
    if (!el || el === document.body || el === document.documentElement) { return null; }
    let index = walked.order.indexOf(el);
    const again = index >= 0;
    if (!again) { index = walked.order.push(el) - 1; }
    return { index, again, selector: selector(el), text: name(el), visible: visible(el) && !concealed(el), indicated: indicated(el), uncovered: uncovered(el) };
  }

  function operable(el) {
    if (!visible(el) || el.closest('[inert]') || el.matches(':disabled')) { return false; }
    if (el.getAttribute('tabindex') === '-1') { return el.matches(CONTROLS) && !ROVING.includes(el.getAttribute('role')); }
    return true;
  }

  function unreached() {
    const names = new Set(walked.order.filter((el) => el.type === 'radio').map((el) => el.name));
    return [...document.querySelectorAll(`${CONTROLS}, ${NUMBERS}, [tabindex]`)]
      .filter((el) => operable(el) && !(el.type === 'radio' && names.has(el.name)))
      .filter((el) => !walked.order.some((one) => one === el || (el.matches(NUMBERS) && (one.contains(el) || el.contains(one)))))
      .map((el) => finding('focus-unreached', el, name(el)));
  }

  /* ---- g: figures ---- */

  const RULES = ['sum', 'share', 'change', 'ratio', 'count', 'view'];
  const ID = /^[0-9a-f]{8,64}$/;
  const QUERY = /^indicator=[^&\s]+(?=.*&from=\d{4}-\d\d)(?=.*&to=\d{4}-\d\d)/;

  function wrong(el) {
    const one = el.dataset.figure, many = el.dataset.figures, value = el.dataset.value;
    if (value === undefined) { return 'has no data-value'; }
    if (value === '' && el.textContent.trim() !== '--') { return 'data-value is empty, the text is not --'; }
    if (value !== '' && !Number.isFinite(Number(value))) { return `data-value is no number: ${value}`; }
    if (one !== undefined && !ID.test(one)) { return `data-figure is no id: ${one}`; }
    const ahead = el.dataset.forecast;
    if (ahead !== undefined && !/^F\d+-\d+$/.test(ahead)) { return `data-forecast is no id: ${ahead}`; }
    if (many === undefined) { return ''; }
    if (!RULES.includes(el.dataset.rule)) { return `data-rule is ${el.dataset.rule}`; }
    const good = many.startsWith('indicator=') ? QUERY.test(many) : many.split(' ').every((id) => ID.test(id));
    return good ? '' : `data-figures is neither ids nor a query: ${many.slice(0, 60)}`;
  }

  function figures() {
    return [...document.querySelectorAll(NUMBERS)].map((el) => [el, wrong(el)]).filter(([, how]) => how)
      .map(([el, how]) => finding('figure', el, el.textContent, { how }));
  }

  /* ---- h, i: words ---- */

  /* Every word a reader meets: seen, or read aloud. */
  function* words() {
    yield [document.querySelector('title') || document.head, document.title];
    for (const text of texts()) { yield [text.el, text.text]; }
    for (const option of document.querySelectorAll('option')) { if (visible(option.closest('select'))) { yield [option, option.text]; } }
    for (const el of document.querySelectorAll(WORDS.map((word) => `[${word}]`).join())) {
      if (visible(el)) { for (const word of WORDS) { if (el.hasAttribute(word)) { yield [el, el.getAttribute(word)]; } } }
    }
  }

  const chinese = () => document.documentElement.lang.startsWith('zh');
  const LEFT = /\bNaN\b|\bundefined\b|\bnull\b|\bInfinity\b|\[object|[{}]|%\(\w+\)[sd]/;

  /* None is a word of English menus: where it is a leftover it stands on the Chinese page too. */
  function leftovers() {
    const found = [];
    for (const [el, text] of words()) {
      const left = LEFT.exec(text) || (chinese() && /\bNone\b/.exec(text));
      if (left && !el.closest('[data-verbatim], code, pre')) { found.push(finding('leftover', el, text, { left: left[0] })); }
    }
    return found;
  }

  function language() {
    const foreign = chinese() ? SENTENCE : CJK, other = chinese() ? 'en' : 'zh', found = [];
    for (const [el, text] of words()) {
      const spoken = el.closest('[lang]'), said = spoken ? spoken.lang : '';
      if (foreign.test(text) && !said.startsWith(other) && !el.closest('[data-verbatim]')) { found.push(finding('language', el, text, { page: document.documentElement.lang })); }
    }
    return found;
  }

  window.__audit = { pageScroll, clipped, svgText, overlaps, touchTargets, focusStart, focusAt, unreached, figures, leftovers, language };
})();
