/**
 * Turning of pictures of points in space (scatter3d.ts), a part of the page's script. All pictures of one figure turn together, so that
 * they can be compared from every side.
 */
export const scatter3dScript = `
for (const figure of document.querySelectorAll('figure')) {
  const pictures = [...figure.querySelectorAll('svg.scatter3d')];
  if (pictures.length === 0) continue;
  const { size, head, scale, turn: firstTurn, tilt: firstTilt } = Object.fromEntries(
    Object.entries(pictures[0].dataset).map(([name, value]) => [name, Number(value)]));
  let [turn, tilt] = [firstTurn, firstTilt];
  const numbers = (text) => (text ? text.split(' ').map(Number) : []);
  const parts = pictures.map((picture) => ({
    axes: [...picture.querySelectorAll('[data-ends]')].map((path) => [path, numbers(path.dataset.ends)]),
    names: [...picture.querySelectorAll('[data-at]')].map((text) => [text, numbers(text.dataset.at)]),
    clouds: [...picture.querySelectorAll('[data-points]')].map((path) => [path, numbers(path.dataset.points)]),
  }));
  const round = (v) => Math.round(v * 10) / 10;
  const draw = () => {
    const [ct, st, ce, se] = [Math.cos(turn), Math.sin(turn), Math.cos(tilt), Math.sin(tilt)];
    const at = (p, i) => {
      const across = p[i] * ct - p[i + 1] * st;
      const up = p[i + 2] * ce + (p[i] * st + p[i + 1] * ct) * se;
      return [round(size / 2 + (across * scale) / 1000), round(head + size / 2 - (up * scale) / 1000)];
    };
    for (const { axes, names, clouds } of parts) {
      for (const [path, p] of axes) path.setAttribute('d', 'M' + at(p, 0).join(' ') + 'L' + at(p, 3).join(' '));
      for (const [text, p] of names) {
        const [u, v] = at(p, 0);
        text.setAttribute('x', u);
        text.setAttribute('y', v);
      }
      for (const [path, p] of clouds) {
        let d = '';
        for (let i = 0; i < p.length; i += 3) d += 'M' + at(p, i).join(' ') + 'h0';
        path.setAttribute('d', d);
      }
    }
  };
  let asked = false;
  const rotate = (by, up) => {
    turn += by;
    tilt = Math.max(-Math.PI / 2, Math.min(Math.PI / 2, tilt + up));
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      draw();
    });
  };
  const keys = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
  for (const picture of pictures) {
    picture.addEventListener('pointerdown', (event) => picture.setPointerCapture(event.pointerId));
    picture.addEventListener('pointermove', (event) => {
      if (picture.hasPointerCapture(event.pointerId)) rotate(event.movementX / 120, event.movementY / 120);
    });
    picture.addEventListener('keydown', (event) => {
      if (event.key === 'Home') rotate(firstTurn - turn, firstTilt - tilt);
      else if (keys[event.key]) rotate(keys[event.key][0] / 10, keys[event.key][1] / 10);
      else return;
      event.preventDefault();
    });
  }
}
`;
