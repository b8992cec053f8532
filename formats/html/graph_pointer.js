// What a mouse, a pen or fingers do: drag and scroll to move, Ctrl and scroll or
// two fingers to zoom.
"use strict";
const graphPointer = (() => {
  function attach(canvas, {moveBy, zoomBy, onEmptyClick}) {
    const pointers = new Map();
    let travelled = 0;
    canvas.addEventListener("pointerdown", (event) => {
      pointers.set(event.pointerId, event);
      travelled = 0;
    });
    canvas.addEventListener("pointermove", (event) => {
      const before = pointers.get(event.pointerId);
      if (before === undefined) return;
      const dx = event.clientX - before.clientX, dy = event.clientY - before.clientY;
      travelled += Math.abs(dx) + Math.abs(dy);
      if (travelled < 4 && pointers.size === 1) return;
      if (!canvas.hasPointerCapture(event.pointerId)) {
        canvas.setPointerCapture(event.pointerId);
        canvas.classList.add("dragging");
      }
      if (pointers.size === 2) {
        const other = [...pointers.values()].find((p) => p.pointerId !== event.pointerId);
        const gap = (p) => Math.hypot(p.clientX - other.clientX, p.clientY - other.clientY);
        const size = canvas.getBoundingClientRect();
        zoomBy(gap(event) / Math.max(1, gap(before)),
               {x: other.clientX - size.left, y: other.clientY - size.top});
      } else {
        moveBy(dx, dy);
      }
      pointers.set(event.pointerId, event);
    });
    const end = (event) => {
      pointers.delete(event.pointerId);
      canvas.classList.remove("dragging");
    };
    canvas.addEventListener("pointerup", end);
    canvas.addEventListener("pointercancel", end);
    // A drag is no click.
    canvas.addEventListener("click", (event) => {
      if (travelled >= 4) event.stopPropagation();
    }, true);
    canvas.addEventListener("click", (event) => {
      if (event.target === canvas) onEmptyClick();
    });
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      if (event.ctrlKey || event.metaKey) {
        const size = canvas.getBoundingClientRect();
        zoomBy(Math.exp(-event.deltaY * (event.deltaMode === 1 ? .05 : .002)),
               {x: event.clientX - size.left, y: event.clientY - size.top});
        return;
      }
      const unit = event.deltaMode === 1 ? 20 : 1;
      moveBy(-(event.shiftKey ? event.deltaY : event.deltaX) * unit,
             event.shiftKey ? 0 : -event.deltaY * unit);
    }, {passive: false});
  }

  return {attach};
})();
