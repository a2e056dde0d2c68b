import { downloadScript } from './packedTable.ts';
import { scatter3dScript } from './scatter3dScript.ts';

/**
 * The script of a report: sorting of tables, saving of tables and charts, values of maps under the pointer, turning of points in space. The page
 * is complete without it. It is plain text here because it runs in the reader's browser, under a content security policy that
 * names its hash.
 */
export const pageScript = `'use strict';${downloadScript}
for (const table of document.querySelectorAll('table.sortable')) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const label = head.querySelector('.head');
    const button = document.createElement('button');
    button.type = 'button';
    button.title = 'Sort by this column';
    button.textContent = label.textContent;
    label.replaceChildren(button);
    button.addEventListener('click', () => {
      const descending = head.getAttribute('aria-sort') === 'ascending';
      for (const other of heads) other.removeAttribute('aria-sort');
      head.setAttribute('aria-sort', descending ? 'descending' : 'ascending');
      const keyOf = (row) => {
        const cell = row.cells[column];
        const text = cell.dataset.sort ?? cell.textContent.trim();
        if (text === '' || text.startsWith('—')) return '';
        return Number.isNaN(Number(text)) ? text : Number(text);
      };
      const body = table.tBodies[0];
      const rows = [...body.rows].map((row) => ({ row, key: keyOf(row) }));
      const sign = descending ? -1 : 1;
      rows.sort((a, b) => {
        if (a.key === '' || b.key === '') return (a.key === '') - (b.key === '');
        if (typeof a.key === 'number' && typeof b.key === 'number') return sign * (a.key - b.key);
        return sign * String(a.key).localeCompare(String(b.key), 'en', { numeric: true });
      });
      body.append(...rows.map(({ row }) => row));
    });
  });
}
for (const map of document.querySelectorAll('svg.map')) {
  const picture = map.querySelector('image[data-values]');
  const readout = map.querySelector('.readout');
  const { rows, columns, low, high, values } = picture.dataset;
  const bytes = Uint8Array.from(atob(values), (c) => c.charCodeAt(0));
  const levels = new Uint16Array(bytes.buffer);
  const still = readout.textContent;
  picture.addEventListener('pointermove', (event) => {
    const box = picture.getBoundingClientRect();
    const row = Math.min(rows - 1, Math.max(0, Math.floor((rows * (event.clientY - box.top)) / box.height)));
    const column = Math.min(columns - 1, Math.max(0, Math.floor((columns * (event.clientX - box.left)) / box.width)));
    const level = levels[row * columns + column];
    const value = level === 65535 ? 'none' : (Number(low) + ((high - low) * level) / 65534).toPrecision(3);
    readout.textContent = 'row ' + row + ', column ' + column + ': ' + value;
  });
  picture.addEventListener('pointerleave', () => { readout.textContent = still; });
  picture.addEventListener('click', () => map.closest('.panel').classList.toggle('enlarged'));
}
const chartStyle = document.getElementById('chart-style').textContent;
for (const button of document.querySelectorAll('button[data-svg]')) {
  button.hidden = false;
  button.addEventListener('click', () => {
    const source = button.closest('figure').querySelectorAll('svg.chart')[Number(button.dataset.svg)];
    const copy = source.cloneNode(true);
    const { width, height } = source.viewBox.baseVal;
    const room = 12;
    copy.setAttribute('viewBox', [-room, -room, width + 2 * room, height + 2 * room].join(' '));
    copy.setAttribute('width', width + 2 * room);
    copy.setAttribute('height', height + 2 * room);
    const style = document.createElementNS(source.namespaceURI, 'style');
    style.textContent = chartStyle + '.chart{background:var(--ground)}';
    copy.prepend(style);
    const text = new XMLSerializer().serializeToString(copy);
    save(text, 'image/svg+xml', button.dataset.file);
  });
}
${scatter3dScript}`;
