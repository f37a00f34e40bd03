// The web app in real Chromium, against a running server with data in it:
//
//   MLWRIGHT_URL=http://127.0.0.1:5000 node tests/browser.mjs
//
// Visits every page wide and narrow, light and dark; a page fails for a console error, a failed request, a missing
// piece of content, sideways scrolling, or a breach that axe finds. Pictures go to tests/screenshots, to be looked at.
// With MLWRIGHT_ONLY=tracking, data or pipelines that part alone is looked at. With MLWRIGHT_EXPECT=demo every noun must be there; without it, empty lists are accepted where the server is empty.
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import * as data from './data.mjs';
import * as runs from './pipelines.mjs';
import * as tracking from './tracking.mjs';

const require = createRequire(import.meta.url);
const AXE = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const BASE = (process.env.MLWRIGHT_URL ?? 'http://127.0.0.1:5000').replace(/\/$/, '');
const TOKEN = process.env.MLWRIGHT_TOKEN;
const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
const ONLY = process.env.MLWRIGHT_ONLY;
const COMPLETE = process.env.MLWRIGHT_EXPECT === 'demo';
const PICTURES = path.join(path.dirname(fileURLToPath(import.meta.url)), 'screenshots');
const FIRST_LOAD_LIMIT = 200 * 1024;

const LOOKS = [
  { name: 'wide-light', viewport: { width: 1440, height: 900 }, colorScheme: 'light' },
  { name: 'wide-dark', viewport: { width: 1440, height: 900 }, colorScheme: 'dark' },
  { name: 'narrow-light', viewport: { width: 390, height: 844 }, colorScheme: 'light' },
  { name: 'narrow-dark', viewport: { width: 390, height: 844 }, colorScheme: 'dark' },
];

let checks = 0;
const failures = [];
function check(holds, what) {
  checks += 1;
  if (holds) return;
  failures.push(what);
  console.log(`not ok ${what}`);
}

async function api(where) {
  const response = await fetch(`${BASE}/api/v1${where}`, { headers: TOKEN ? { authorization: `Bearer ${TOKEN}` } : {} });
  if (!response.ok) throw new Error(`GET /api/v1${where}: ${response.status} ${await response.text()}`);
  return response.json();
}

/** What the server has, so that the pages can be held against it. */
async function inventory() {
  const [datasets, models, pipelines, pipelineRuns, endpoints, monitors, retrainings, runs, events, reviews, labels] = await Promise.all(
    // Of the events, a family that nobody adds to while the pages are looked at: the table shows the newest alone.
    ['/datasets', '/models', '/pipelines', '/pipeline-runs?limit=50', '/endpoints', '/monitors', '/retrainings', '/runs?limit=50', '/events?limit=50&kind=project', '/reviews?limit=50', '/label-reviews'].map(api),
  );
  const declared = new Set(pipelines.pipelines.filter((pipeline) => pipeline.declared).map((pipeline) => pipeline.name));
  const found = {
    dataset: datasets.datasets[0],
    model: models.models[0],
    pipeline: pipelines.pipelines[0],
    // One of a project; those of the parts are looked at there.
    pipelineRun: pipelineRuns.pipeline_runs.find((run) => declared.has(run.pipeline)),
    endpoint: endpoints.endpoints[0],
    monitor: monitors.monitors[0],
    retraining: retrainings.retrainings[0],
    runs: runs.runs,
    run: runs.runs[0],
    events: events.events,
    reviews: reviews.queues,
    labels: labels.reviews,
  };
  if (COMPLETE) for (const [noun, value] of Object.entries(found)) check(value !== undefined && value?.length !== 0, `the server has a ${noun}`);
  return found;
}

const number = (value) => value.toLocaleString('en');
const e = encodeURIComponent;

/** Address, and texts that must stand on the page. */
async function pages(have) {
  const list = [
    ['home', '/', have.endpoint ? ['Data', 'Training', 'Gates', 'Serving', 'Monitoring', 'What just happened'] : ['Data', 'Serving']],
    ['runs', '/runs', have.run ? [have.run.name] : ['No run yet', BASE]],
    ['datasets', '/datasets', have.dataset ? [have.dataset.name, number(have.dataset.latest.rows)] : ['No dataset yet']],
    ['models', '/models', have.model ? [have.model.name] : ['No model yet']],
    ['pipelines', '/pipelines', have.pipeline ? [have.pipeline.name] : ['No pipeline yet']],
    ['endpoints', '/endpoints', have.endpoint ? [have.endpoint.name] : ['Nothing is served yet']],
    ['monitors', '/monitors', have.monitor ? [have.monitor.name] : ['No monitor yet']],
    ['retrainings', '/retrainings', have.retraining ? [have.retraining.policy] : ['Nothing was retrained yet']],
    ['reviews', '/reviews', [...(have.reviews.length > 0 ? [have.reviews[0].endpoint, 'Latest'] : ['No prediction waits for a person']), ...(have.labels.length > 0 ? ['Labels of datasets', have.labels[0].column] : [])]],
    ...(process.env.MLWRIGHT_READ_ONLY === undefined ? [] : [['repositories', '/repositories', ['Repositories']]]),
    ['lineage', '/lineage', ['Lineage']],
    ['why-ask', '/why', ['Which prediction?']],
    ['events', '/events', ['Every change of state']],
    ['events-of-a-kind', '/events?kind=project', have.events.length > 0 ? [number(have.events[0].position)] : ['No event yet']],
    ['missing', '/no/such/page', ['No such page']],
  ];
  if (have.run) {
    const run = await api(`/runs/${have.run.id}`);
    const [param] = Object.entries(run.params);
    list.push(['run', `/runs/${run.id}`, [run.name, ...Object.keys(run.metrics).slice(0, 2)]]);
    list.push(['run-params', `/runs/${run.id}?tab=params`, param ? param : ['None were logged.']]);
    list.push(['run-artifacts', `/runs/${run.id}?tab=artifacts`, ['artifacts']]);
    list.push(['lineage-run', `/lineage?kind=run&key=${run.id}`, ['causes left, effects right']]);
  }
  if (have.runs.length > 1) list.push(['compare', `/compare?runs=${have.runs.slice(0, 3).map((run) => run.id).join(',')}`, [/difference/, 'Curves']]);
  if (have.dataset) {
    const version = have.dataset.latest.number;
    const detail = await api(`/datasets/${e(have.dataset.name)}/versions/${version}`);
    list.push(['dataset', `/datasets/${e(have.dataset.name)}`, [`${detail.schema.columns.length} columns`, ...detail.schema.columns.slice(0, 3).map((column) => column.name), ...(detail.gate ? ['Expectations'] : [])]]);
    list.push(['labels-of-dataset', `/datasets/${e(have.dataset.name)}/labels`, [/^Labels of/, have.labels.some((review) => review.dataset === have.dataset.name && review.number === version) ? 'Labels that look wrong' : 'Nobody looked for label errors of this version yet']]);
    if (version > 1) list.push(['dataset-diff', `/datasets/${e(have.dataset.name)}?v=${version}&against=${version - 1}`, [`v${version - 1} against v${version}`]]);
  }
  if (have.model) {
    const model = await api(`/models/${e(have.model.name)}`);
    const judged = model.versions.find((version) => version.evaluation);
    list.push(['model', `/models/${e(model.name)}${judged ? `?v=${judged.version}` : ''}`, [model.name, ...(judged ? Object.keys(judged.evaluation.metrics) : [])]]);
    if (model.versions.length > 1) list.push(['model-diff', `/models/${e(model.name)}?v=${model.versions[0].version}&against=${model.versions[1].version}`, [/against v/, 'model digest']]);
  }
  if (have.pipeline) list.push(['pipeline', `/pipelines/${e(have.pipeline.name)}`, have.pipeline.steps.map((step) => step.name)]);
  if (have.pipelineRun) {
    const run = await api(`/pipeline-runs/${have.pipelineRun.id}`);
    list.push(['pipeline-run', `/pipeline-runs/${run.id}`, [...run.steps.map((step) => step.name), 'Log of']]);
  }
  if (have.endpoint) list.push(['endpoint', `/endpoints/${e(have.endpoint.name)}`, ['Requests per second', ...have.endpoint.variants.map((variant) => `${variant.model} v${variant.version}`)]]);
  if (have.monitor) {
    const monitor = await api(`/monitors/${e(have.monitor.name)}`);
    list.push(['monitor', `/monitors/${e(monitor.name)}`, monitor.windows.length > 0 ? ['features drifted', ...(monitor.windows[0].signals?.some((signal) => signal.name !== 'drift') ? ['Signals', 'Missing values'] : []), ...monitor.windows[0].features.slice(0, 2).map((feature) => feature.name)] : ['No full window yet']]);
  }
  if (have.labels.length > 0) {
    const [review] = have.labels;
    list.push(['labels', `/datasets/${e(review.dataset)}/labels?v=${review.number}`, [/wait, .* are judged/, 'Labels that look wrong', 'For the given']]);
  }
  if (have.reviews.length > 0) list.push(['reviews-of-endpoint', `/reviews/${e(have.reviews[0].endpoint)}`, ['Of this endpoint', /wait, .* answered/]]);
  if (have.retraining) list.push(['retraining', `/retrainings/${have.retraining.id}`, [have.retraining.policy, 'What it made']]);
  if (process.env.MLWRIGHT_PREDICTION) list.push(['why', `/why/${process.env.MLWRIGHT_PREDICTION}`, ['Why this prediction?', 'As a graph']]);
  return list;
}

async function open(context) {
  const page = await context.newPage();
  const problems = [];
  page.on('console', (message) => {
    if (message.type() === 'error') problems.push(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => problems.push(`exception: ${error.message}`));
  page.on('response', (response) => {
    if (response.status() >= 400) problems.push(`${response.status()} ${response.url()}`);
  });
  return { page, problems };
}

async function settled(page) {
  await page.waitForSelector('main h1, main .empty, main .notice', { timeout: 10_000 });
  await page.waitForFunction(() => !document.querySelector('main .bone, main .cell-bone'), null, { timeout: 10_000 }).catch(() => {});
  await page.waitForTimeout(350);
}

async function visit(context, look, [name, address, texts]) {
  const { page, problems } = await open(context);
  const at = `${name} (${look.name})`;
  try {
    await page.goto(BASE + address);
    await settled(page);
    for (const text of texts) {
      const seen = await page.getByText(text).first().waitFor({ state: 'attached', timeout: 5000 }).then(() => true, () => false);
      check(seen, `${at}: shows ${text}`);
    }
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    check(wide <= 0, `${at}: does not scroll sideways (${wide} px too wide)`);
    const notice = await page.locator('main .notice[role=alert]').allInnerTexts();
    check(notice.length === 0, `${at}: reads everything: ${notice.join(' | ').replaceAll('\n', ' ')}`);
    await page.evaluate(AXE);
    const breaches = await page.evaluate(async () => {
      const result = await globalThis.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'] });
      return result.violations.map((violation) => `${violation.id}: ${violation.nodes.slice(0, 3).map((node) => `${node.target} (${node.any.map((reason) => reason.message).join('; ')})`).join(', ')}`);
    });
    for (const breach of breaches) check(false, `${at}: axe ${breach}`);
    check(breaches.length === 0, `${at}: axe finds nothing`);
    check(problems.length === 0, `${at}: no error: ${problems.join(' | ')}`);
    await page.screenshot({ path: path.join(PICTURES, `${name}-${look.name}.png`), fullPage: true });
  } catch (error) {
    check(false, `${at}: ${error.message.split('\n')[0]}`);
  }
  await page.close();
}

/** Two at a time: a page mostly waits for answers and pictures. */
async function sideBySide(list, of) {
  const rest = list.values();
  const one = async () => {
    for (const item of rest) await of(item);
  };
  await Promise.all([one(), one()]);
}

/** What a reader does, once, wide: keys, search, filter, sort, selection; the address must follow. */
async function behaviour(context, have) {
  const { page, problems } = await open(context);
  await page.goto(`${BASE}/`);
  await settled(page);
  await page.keyboard.press('g');
  await page.keyboard.press('r');
  await page.waitForURL(`${BASE}/runs`);
  check(true, 'keyboard: g r leads to the runs');
  await page.keyboard.press('?');
  check(await page.getByRole('dialog', { name: 'Keyboard' }).isVisible(), 'keyboard: ? lists the keys');
  await page.keyboard.press('Escape');
  await page.keyboard.press('/');
  await page.getByRole('dialog').getByRole('combobox').fill('endpoints');
  await page.keyboard.press('Enter');
  await page.waitForURL(`${BASE}/endpoints`);
  check(true, 'keyboard: / finds a page and Enter opens it');
  await page.goBack();
  await page.waitForURL(`${BASE}/runs`);
  check(true, 'the back button works');
  if (have.runs.length > 1) {
    await settled(page);
    await page.keyboard.press('j');
    await page.keyboard.press('x');
    await page.keyboard.press('j');
    await page.keyboard.press('x');
    check((new URL(page.url()).searchParams.get('selected') ?? '').split(',').length === 2, 'keyboard: j and x select two runs, and the address says so');
    await page.keyboard.press('c');
    await page.waitForURL(/\/compare\?runs=/);
    check(true, 'keyboard: c compares them');
    await page.goto(`${BASE}/runs`);
    await settled(page);
    await page.getByRole('combobox', { name: 'Filter runs' }).fill(have.run.name);
    await page.waitForURL(/q=/);
    const rows = await page.locator('.table .body .tr').count();
    check(rows >= 1, 'the filter keeps the run that is named');
    await page.reload();
    await settled(page);
    check((await page.getByRole('combobox', { name: 'Filter runs' }).inputValue()) === have.run.name, 'a copied address shows the same filter');
    await page.goto(`${BASE}/#/experiments/1/runs/${have.run.id}`);
    await page.waitForURL(`${BASE}/runs/${have.run.id}`);
    check(true, "the address that MLflow's client prints leads to the run");
  }
  check(problems.length === 0, `behaviour: no error: ${problems.join(' | ')}`);
  await page.close();
}

/** The page that is open learns of a new run without a reload. */
async function live(context) {
  const { page } = await open(context);
  await page.goto(`${BASE}/runs`);
  await settled(page);
  const name = `live-${Date.now().toString(36)}`;
  const headers = { 'content-type': 'application/json', ...(TOKEN ? { authorization: `Bearer ${TOKEN}` } : {}) };
  const post = async (where, body) => {
    const response = await fetch(`${BASE}/api/2.0/mlflow/${where}`, { method: 'POST', headers, body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`${where}: ${response.status} ${await response.text()}`);
    return response.json();
  };
  try {
    const { run } = await post('runs/create', { experiment_id: '0', run_name: name, start_time: Date.now() });
    const id = run.info.run_id;
    const seen = await page.getByText(name).first().waitFor({ timeout: 6000 }).then(() => true, () => false);
    check(seen, 'live: a run that starts appears without a reload');
    await page.goto(`${BASE}/runs/${id}`);
    for (let step = 0; step < 40; step += 1) await post('runs/log-metric', { run_id: id, key: 'loss', value: Math.exp(-step / 12) + 0.1, timestamp: Date.now(), step });
    const drawn = await page.getByRole('img', { name: /^loss: / }).waitFor({ timeout: 8000 }).then(() => true, () => false);
    check(drawn, 'live: its curve is drawn while it runs');
    await post('runs/update', { run_id: id, status: 'FINISHED', end_time: Date.now() });
    const ended = await page.getByText('finished').first().waitFor({ timeout: 6000 }).then(() => true, () => false);
    check(ended, 'live: its end is seen');
    await page.screenshot({ path: path.join(PICTURES, 'live-run.png') });
  } catch (error) {
    check(false, `live: ${error.message.split('\n')[0]}`);
  }
  await page.close();
}

/** What the first load weighs as it would travel compressed. */
async function weight(context) {
  const { gzipSync } = await import('node:zlib');
  const page = await context.newPage();
  let total = 0;
  const waiting = [];
  page.on('response', (response) => {
    const url = new URL(response.url());
    if (url.pathname.startsWith('/api/')) return;
    waiting.push(response.body().then((body) => { total += url.pathname.endsWith('.woff2') ? body.length : gzipSync(body).length; }, () => {}));
  });
  const began = Date.now();
  await page.goto(`${BASE}/`);
  await page.waitForSelector('main h1');
  const painted = Date.now() - began;
  await page.waitForTimeout(500);
  await Promise.all(waiting);
  check(total > 10_000 && total < FIRST_LOAD_LIMIT, `first load is under ${FIRST_LOAD_LIMIT / 1024} KiB compressed (${(total / 1024).toFixed(0)} KiB)`);
  console.log(`first load: ${(total / 1024).toFixed(0)} KiB compressed, heading after ${painted} ms`);
  await page.close();
}

const browser = await chromium.launch({
  executablePath: CHROMIUM,
  args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
fs.rmSync(PICTURES, { recursive: true, force: true });
fs.mkdirSync(PICTURES, { recursive: true });
try {
  const writes = process.env.MLWRIGHT_READ_ONLY === undefined;
  const server = { base: BASE, headers: TOKEN ? { authorization: `Bearer ${TOKEN}` } : {} };
  const parts = [];
  const seeded = async (name, part) => {
    if (writes && (!ONLY || ONLY === name)) parts.push({ name, part, made: await part.seed(server) });
  };
  await seeded('tracking', tracking);
  await seeded('data', data);
  await seeded('pipelines', runs);
  const have = await inventory();
  const common = ONLY ? [] : await pages(have);
  for (const look of LOOKS) {
    const context = await browser.newContext({ viewport: look.viewport, colorScheme: look.colorScheme, reducedMotion: 'reduce' });
    if (TOKEN) await context.addInitScript((token) => sessionStorage.setItem('mlwright.token', token), TOKEN);
    // The pages of the parts in two looks: each differs from the other in width and in scheme.
    const list = look === LOOKS[0] || look === LOOKS[3] ? [...common, ...parts.flatMap(({ part, made }) => part.pages(made))] : common;
    await sideBySide(list, (page) => visit(context, look, page));
    if (look === LOOKS[0]) {
      await weight(context);
      if (!ONLY) await behaviour(context, have).catch((error) => check(false, `behaviour: ${error.message.split('\n')[0]}`));
      if (writes && !ONLY) await live(context);
    }
    await context.close();
    console.log(`${look.name}: ${list.length} pages`);
  }
  for (const { name, part, made } of parts) {
    // Last, because it changes what the pages above show.
    const context = await browser.newContext({ viewport: LOOKS[0].viewport, colorScheme: LOOKS[0].colorScheme, reducedMotion: 'reduce' });
    if (TOKEN) await context.addInitScript((token) => sessionStorage.setItem('mlwright.token', token), TOKEN);
    await part.behaviour({ context, open, settled, check, base: BASE }, made).catch((error) => check(false, `${name}: ${error.message.split('\n')[0]}`));
    await context.close();
  }
} finally {
  await browser.close();
}
console.log(`browser: ${checks - failures.length} of ${checks} checks hold, pictures in ${path.relative(process.cwd(), PICTURES)}`);
process.exitCode = failures.length === 0 ? 0 : 1;
