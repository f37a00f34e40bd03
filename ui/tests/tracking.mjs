// Runs and models in the browser: data of its own, made with MLflow's REST API, then what a reader does with it.
// Each check says what it saw; `browser.mjs` gives the tools.

const NOTE = '# Why\n\nSmaller **steps** first.\n\n- one\n- two\n';
const PNG = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64');
const MLMODEL = (type) => `flavors:\n  python_function:\n    loader_module: none\nmodel_size_bytes: 12\nmlflow_version: 3.17.2\nsignature:\n  inputs: '[{"type": "${type}", "name": "age", "required": true}]'\n  outputs: '[{"type": "double", "name": "visits"}]'\n`;

/** A parent run with three below it, files of each kind, and a model with two versions. */
export async function seed({ base, headers }) {
  const call = async (where, body, method = 'POST') => {
    const raw = Buffer.isBuffer(body) || typeof body === 'string';
    const response = await fetch(`${base}${where}`, { method, headers: { ...headers, 'content-type': raw ? 'application/octet-stream' : 'application/json' }, body: raw ? body : JSON.stringify(body) });
    if (!response.ok) throw new Error(`${where}: ${response.status} ${await response.text()}`);
    const text = await response.text();
    return text ? JSON.parse(text) : {};
  };
  const post = (where, body) => call(`/api/2.0/mlflow/${where}`, body);
  const mark = Date.now().toString(36);
  const experiment = `browser-${mark}`;
  const { experiment_id: id } = await post('experiments/create', { name: experiment });
  const start = async (name, tags = []) => (await post('runs/create', { experiment_id: id, run_name: name, start_time: Date.now(), tags })).run.info.run_id;
  const parent = await start(`search-${mark}`);
  const children = [];
  for (const [index, rate] of ['0.1', '0.01', '0.001'].entries()) {
    const run = await start(`trial-${index}-${mark}`, [{ key: 'mlflow.parentRunId', value: parent }]);
    const metrics = [];
    for (let step = 0; step < 200; step += 1) {
      const at = Date.now() - (200 - step) * 1000;
      metrics.push({ key: 'loss', value: Math.exp(-step * (index + 1) * 0.01) + 0.1, timestamp: at, step });
      if (step % 10 === 0) metrics.push({ key: 'system/cpu_utilization_percentage', value: 40 + (step % 30), timestamp: at, step });
    }
    await post('runs/log-batch', { run_id: run, metrics, params: [{ key: 'rate', value: rate }, { key: 'optimizer', value: 'adam' }], tags: [{ key: 'team', value: 'growth' }] });
    await post('runs/log-batch', { run_id: run, metrics: [{ key: 'accuracy', value: 0.7 + index / 10, timestamp: Date.now(), step: 0 }] });
    children.push(run);
  }
  const put = (run, path, body) => call(`/api/2.0/mlflow-artifacts/artifacts/${id}/${run}/artifacts/${path}`, body, 'PUT');
  const [first] = children;
  await put(first, 'data/rows.csv', 'age,plan\n30,"a, b"\n41,c\n');
  await put(first, 'config.json', '{"layers":[64,32],"nested":{"dropout":0.1,"names":["left","right"]},"long":"a text that does not fit on one line of the tree"}');
  await put(first, 'report.md', '# Report\n\nIt *works*.\n\n| split | rows |\n|---|---:|\n| train | 400 |\n');
  await put(first, 'point.png', PNG);
  await put(first, 'weights.bin', Buffer.from([0, 1, 2, 3]));
  const model = `model-${mark}`;
  await post('registered-models/create', { name: model });
  for (const [index, run] of [children[0], children[1]].entries()) {
    await put(run, 'model/MLmodel', MLMODEL(index === 0 ? 'long' : 'double'));
    await post('model-versions/create', { name: model, source: `mlflow-artifacts:/${id}/${run}/artifacts/model`, run_id: run });
  }
  for (const run of [...children, parent]) await post('runs/update', { run_id: run, status: 'FINISHED', end_time: Date.now() });
  return { mark, experiment, parent, children, model };
}

/** Addresses for every look, as `browser.mjs` lists them. */
export function pages({ experiment, parent, children, model, mark }) {
  const [first] = children;
  return [
    ['tracking-runs', `/runs?experiment=${experiment}&columns=status,metrics.loss,metrics.accuracy,params.rate`, [`trial-0-${mark}`, 'accuracy']],
    ['tracking-grouped', `/runs?experiment=${experiment}&group=params.rate`, ['without a value', '0.001']],
    ['tracking-run', `/runs/${first}`, ['loss', 'Smoothing', `search-${mark}`]],
    ['tracking-details', `/runs/${first}?tab=params`, ['rate', '0.1', 'growth', 'Lowest']],
    ['tracking-system', `/runs/${first}?tab=system`, ['system/cpu_utilization_percentage']],
    ['tracking-children', `/runs/${parent}?tab=children`, [`trial-2-${mark}`]],
    ['tracking-csv', `/runs/${first}?tab=artifacts&path=data%2Frows.csv`, ['plan', 'a, b', '2 rows']],
    ['tracking-json', `/runs/${first}?tab=artifacts&path=config.json`, ['dropout']],
    ['tracking-markdown', `/runs/${first}?tab=artifacts&path=report.md`, ['train']],
    ['tracking-curves', `/compare?runs=${children.join()}&tab=curves`, ['loss', 'accuracy']],
    ['tracking-parallel', `/compare?runs=${children.join()}&tab=parallel`, ['rate', 'Axes']],
    ['tracking-scatter', `/compare?runs=${children.join()}&tab=scatter`, ['Colour']],
    ['tracking-model', `/models/${model}?v=1`, ['Signature', 'age', 'MLmodel', `trial-0-${mark}`]],
    ['tracking-model-diff', `/models/${model}?v=2&against=1`, ['Signature: inputs', 'v1 against v2', 'accuracy']],
  ];
}

/** What a reader does, once, wide. */
export async function behaviour({ context, open, settled, check, base }, made) {
  const { page, problems } = await open(context);
  const lead = (text) => page.locator('.lead', { hasText: text }).waitFor({ timeout: 6000 }).then(() => true, () => false);
  const shown = (locator) => locator.first().waitFor({ timeout: 6000 }).then(() => true, () => false);
  const names = async () => (await page.locator('.table .body .tr .run-name').allInnerTexts()).map((text) => text.split('\n')[0]);

  await page.goto(`${base}/runs?experiment=${made.experiment}`);
  await settled(page);
  check(await lead('4 runs'), 'runs: the table says how many there are');
  const filter = page.getByRole('combobox', { name: 'Filter runs' });
  await filter.fill("metrics.accuracy > 0.75 AND params.rate != '0.1'");
  check(await lead('2 runs match'), "runs: MLflow's grammar filters on the server");
  await filter.fill('metrics.acc');
  check(await shown(page.getByRole('option', { name: 'metrics.accuracy' })), 'runs: the names of metrics are offered while one is typed');
  await page.keyboard.press('Enter');
  check((await filter.inputValue()).startsWith('metrics.accuracy '), 'runs: Enter takes the name that is offered');
  const before = problems.length;
  await filter.fill("metrics.accuracy > 'high'");
  check(await shown(page.getByRole('alert').filter({ hasText: /numeric/ })), 'runs: what is wrong with a filter stands below it');
  check((await names()).length > 0, 'runs: the rows stay while the filter is wrong');
  // The browser writes refused requests to its console; this one was meant.
  problems.splice(before);
  await filter.fill('');
  await lead('4 runs');
  await page.getByRole('columnheader', { name: 'accuracy' }).getByRole('button').click();
  await page.waitForURL(/sort=-metrics\.accuracy/);
  await page.waitForTimeout(800);
  check((await names())[0]?.startsWith('trial-2') ?? false, 'runs: sorted by a metric, the best comes first');
  check((await names()).at(-1)?.startsWith('search') ?? false, 'runs: one without the metric comes last');
  await page.getByRole('combobox', { name: 'Group by' }).selectOption('parent');
  await page.waitForURL(/group=parent/);
  await page.waitForTimeout(800);
  check((await names()).length === 1, 'runs: nested runs are folded below their parent');
  await page.getByRole('button', { name: /show the 3 runs/ }).click();
  check((await names()).length === 4, 'runs: a click shows them');
  const view = `view ${made.mark}`;
  await page.getByRole('button', { name: 'Views', exact: true }).click();
  await page.getByRole('textbox', { name: 'Name of the view' }).fill(view);
  await page.keyboard.press('Enter');
  check(await shown(page.getByRole('button', { name: view, exact: true })), 'runs: a view is saved under a name');
  await page.goto(`${base}/runs`);
  await settled(page);
  await page.getByRole('button', { name: 'Views', exact: true }).click();
  await page.getByRole('group', { name: 'Saved views' }).getByRole('button', { name: view, exact: true }).click();
  await page.waitForURL(/group=parent/);
  check(page.url().includes(made.experiment) && page.url().includes('sort='), 'runs: a saved view brings filter, order and groups back');
  await page.getByRole('button', { name: view, exact: true }).click();
  await page.getByRole('button', { name: `delete the view ${view}` }).click();
  check(await page.getByRole('button', { name: `delete the view ${view}` }).waitFor({ state: 'detached', timeout: 5000 }).then(() => true, () => false), 'runs: a saved view is deleted');

  const [first] = made.children;
  await page.goto(`${base}/runs/${first}`);
  check(await shown(page.getByRole('img', { name: /^loss: / })), 'run: a curve is drawn');
  await page.getByLabel('range', { exact: true }).check();
  await page.getByLabel('log y').check();
  await page.getByRole('slider', { name: 'Smoothing' }).fill('0.8');
  await page.waitForURL(/smooth=0\.8/);
  check(page.url().includes('band=1') && page.url().includes('y=log'), 'run: how the curves look stands in the address');
  await page.getByRole('button', { name: 'make larger: loss' }).click();
  check(await shown(page.getByRole('button', { name: 'make smaller: loss' })), 'run: a chart is made larger');
  await page.goto(`${base}/runs/${first}?tab=params`);
  await page.getByRole('button', { name: 'Write', exact: true }).click();
  await page.getByRole('textbox', { name: 'Notes, in Markdown' }).fill(NOTE);
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  check(await shown(page.getByRole('heading', { name: 'Why' })), 'run: a note is written and shown as Markdown');
  await page.goto(`${base}/runs/${first}?tab=artifacts`);
  const files = page.getByRole('group', { name: 'Files', exact: true });
  await files.getByRole('button', { name: 'point.png' }).click();
  check(await page.waitForFunction(() => (document.querySelector('.preview img')?.naturalWidth ?? 0) > 0, null, { timeout: 6000 }).then(() => true, () => false), 'artifacts: a picture is shown');
  await files.getByRole('button', { name: 'weights.bin' }).click();
  check(await shown(page.getByText('A binary file of 4 B')), 'artifacts: a binary file says so');
  await files.getByRole('button', { name: 'data', exact: true }).click();
  check(await shown(files.getByRole('button', { name: 'rows.csv' })), 'artifacts: a folder opens');

  await page.goto(`${base}/models/${made.model}`);
  await page.getByRole('button', { name: 'set an alias to v1' }).click();
  await page.getByRole('textbox', { name: 'Alias' }).or(page.getByRole('combobox', { name: 'Alias' })).fill('champion');
  await page.getByRole('button', { name: 'Set champion to v1' }).click();
  check(await shown(page.getByRole('button', { name: 'take the alias champion away from v1' })), 'model: an alias is set');
  await page.getByRole('combobox', { name: 'Stage' }).selectOption('Production');
  check(await shown(page.getByRole('columnheader', { name: 'Stage' })), 'model: a stage is set, and the table shows stages');
  await page.getByRole('button', { name: 'take the alias champion away from v1' }).click();
  await page.getByRole('button', { name: 'Take champion away' }).click();
  check(await page.getByRole('button', { name: 'take the alias champion away from v1' }).waitFor({ state: 'detached', timeout: 5000 }).then(() => true, () => false), 'model: an alias is taken away');
  check(problems.length === 0, `tracking: no error: ${problems.join(' | ')}`);
  await page.close();
}
