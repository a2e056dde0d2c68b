/** The script of the progress page: listens to the server's events and writes them into the table, as text only. */
export const liveScript = `'use strict';
const table = document.getElementById('jobs');
const body = table.tBodies[0];
const template = document.getElementById('job-row').content;
const connection = document.getElementById('connection');
const histories = new Map();
const rowOf = (job) => {
  let row = [...body.rows].find((one) => one.dataset.job === job);
  if (!row) {
    row = template.querySelector('tr').cloneNode(true);
    row.dataset.job = job;
    row.querySelector('th').textContent = job;
    row.querySelector('svg').setAttribute('aria-label', 'loss of ' + job + ' so far, logarithmic');
    row.querySelector('progress').setAttribute('aria-label', 'progress of ' + job);
    body.append(row);
  }
  return row;
};
const write = (row, field, text) => { row.querySelector('[data-field=' + field + ']').textContent = text; };
const number = (value) => (value === null || value === undefined ? '—' : value.toPrecision(3));
const draw = (row, values) => {
  const logs = values.map(Math.log);
  const low = Math.min(...logs);
  const span = Math.max(...logs) - low || 1;
  const points = logs.map((value, i) =>
    ((160 * i) / Math.max(1, logs.length - 1)).toFixed(1) + ' ' + (40 - (38 * (value - low)) / span).toFixed(1));
  row.querySelector('path').setAttribute('d', points.length > 1 ? 'M' + points.join('L') : '');
};
const duration = (seconds) => seconds < 90 ? Math.round(seconds) + ' s' : Math.round(seconds / 60) + ' min';
const source = new EventSource(table.dataset.events);
source.addEventListener('open', () => { connection.textContent = 'Live: this page follows the running jobs.'; });
source.addEventListener('error', () => {
  connection.textContent = source.readyState === EventSource.CLOSED
    ? 'The server has nothing to tell of this experiment.'
    : 'The connection is interrupted; trying again …';
});
source.addEventListener('gone', () => {
  source.close();
  connection.textContent = 'The folder of this experiment has been deleted.';
});
source.addEventListener('reset', (event) => { histories.delete(JSON.parse(event.data).job); });
source.addEventListener('status', (event) => {
  const { job, status } = JSON.parse(event.data);
  const row = rowOf(job);
  write(row, 'state', status.state + (status.error ? ': ' + status.error : ''));
  const { part } = status;
  const left = status.state === 'running' && status.secondsLeft !== null ? ', ' + duration(status.secondsLeft) + ' left' : '';
  const epochs = status.epochs ? 'epoch ' + status.epoch + ' of ' + status.epochs : '';
  write(row, 'epoch', part ? part.label + ' ' + part.done + ' of ' + part.total : epochs + left);
  const bar = row.querySelector('progress');
  bar.max = Math.max(1, part ? part.total : status.epochs);
  bar.value = part ? part.done : status.epoch;
});
source.addEventListener('metrics', (event) => {
  const { job, lines } = JSON.parse(event.data);
  const row = rowOf(job);
  const history = histories.get(job) ?? [];
  for (const { train, validation } of lines) {
    const value = validation ?? train;
    if (value > 0) history.push(value);
  }
  histories.set(job, history);
  const last = lines[lines.length - 1];
  write(row, 'train', number(last.train));
  write(row, 'validation', number(last.validation));
  draw(row, history);
});
source.addEventListener('complete', () => {
  source.close();
  connection.textContent = 'The experiment is complete. ';
  const link = document.createElement('a');
  link.href = table.dataset.events.replace(/\\/events$/, '');
  link.textContent = 'Open the report';
  connection.append(link);
});
`;
