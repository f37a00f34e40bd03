// MLflow's own web page on a server that `fill.py` filled, in real Chromium: look.mjs URL MADE.json [PICTURES]
//
// URL is where the page is (…/mlflow/ on mlwright, / on MLflow itself). A view fails for a text that is not shown, an
// uncaught error, or an answer of this server with status 400 and above (MISSING=1 prints every one without failing).
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const require = createRequire(new URL('../../ui/package.json', import.meta.url));
const { chromium } = require('playwright-core');

const [base, madeFile, pictures] = process.argv.slice(2);
const made = JSON.parse(fs.readFileSync(madeFile, 'utf8'));
const tolerant = process.env.MISSING === '1';
const patience = Number(process.env.PATIENCE ?? 20000);

// MLflow itself answers these so: nobody is signed in, and the versions have no MLmodel.
const expected = [/users\/current$/, /model-versions\/get-artifact\?path=MLmodel/];
// Not there: the assistant, and a gateway of the page's own. The page shows all else without them.
expected.push(/\/assistant\//, /\/gateway-proxy\?/, /\/mlflow\/datasets\/search$/);

let checks = 0;
let failures = 0;
function check(holds, what) {
  checks += 1;
  if (!holds) failures += 1;
  if (!holds || tolerant) console.log(`${holds ? 'ok' : 'not ok'} ${what}`);
}

const { experiment, runs, model, prompt, trace } = made;
const ids = encodeURIComponent(JSON.stringify(runs));
const experiments = encodeURIComponent(JSON.stringify([experiment]));
/** Name, hash route, texts that are shown, and something to do before the picture. */
const views = [
  ['experiments', '/experiments', ['page-check']],
  ['runs', `/experiments/${experiment}/runs`, ['page-run-0', 'page-run-2']],
  ['chart-of-runs', `/experiments/${experiment}/runs?compareRunsMode=CHART`, ['loss', 'accuracy'], async (page) => seen(page, 'svg.main-svg')],
  ['run', `/experiments/${experiment}/runs/${runs[0]}`, ['page-run-0', 'lr', '0.1', 'accuracy', 'page-data']],
  ['chart', `/experiments/${experiment}/runs/${runs[0]}/model-metrics`, ['loss'], async (page) => seen(page, 'svg.main-svg')],
  ['artifacts', `/experiments/${experiment}/runs/${runs[0]}/artifacts/notes/answer.json`, ['answer.json', '42']],
  ['image', `/experiments/${experiment}/runs/${runs[0]}/artifacts/square.png`, ['square.png'], async (page) => {
    const wide = () => page.evaluate(() => Math.max(0, ...[...document.images].map((image) => image.naturalWidth)));
    for (let tries = 0; tries < 50 && (await wide()) < 16; tries += 1) await page.waitForTimeout(100);
    check((await wide()) >= 16, 'image: the picture is drawn');
  }],
  ['table', `/experiments/${experiment}/runs/${runs[0]}/artifacts/table.csv`, ['table.csv', '4']],
  ['compare', `/compare-runs?runs=${ids}&experiments=${experiments}`, ['Comparing 3 Runs', 'accuracy']],
  ['models', '/models', [model]],
  ['model', `/models/${model}`, [model, 'Version 2', 'champion']],
  ['version', `/models/${model}/versions/1`, ['Version 1', 'stage']],
  ['prompts', '/prompts', [prompt]],
  ['prompt', `/prompts/${prompt}`, ['Say hello to']],
  ...(trace ? [['traces', `/experiments/${experiment}/traces`, ['"a": 1']]] : []),
];

async function seen(page, selector) {
  try {
    await page.waitForSelector(selector, { timeout: patience, state: 'attached' });
    check(true, selector);
  } catch {
    check(false, `${page.url()}: nothing is ${selector}`);
  }
}

async function shows(page, text) {
  try {
    await page.waitForFunction((text) => document.body.innerText.includes(text), text, { timeout: patience });
    return true;
  } catch {
    return false;
  }
}

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] });
const context = await browser.newContext({ viewport: { width: 1500, height: 1000 } });
// The page tells its makers about itself unless it is told not to; nothing of a test goes out.
await context.route((url) => url.origin !== new URL(base).origin, (route) => route.abort());
const only = process.env.ONLY?.split(',');
for (const [name, route, texts, then] of views) {
  if (only && !only.includes(name)) continue;
  const page = await context.newPage();
  const said = [];
  page.on('pageerror', (error) => said.push(`uncaught ${error.message}`));
  page.on('console', (message) => {
    if (message.type() === 'error' && /Content Security Policy/.test(message.text())) said.push(message.text());
    else if (tolerant && message.type() === 'error') console.log(`  console: ${message.text().slice(0, 300)}`);
  });
  page.on('response', (response) => {
    const request = response.request();
    if (response.status() >= 400 && (tolerant || !expected.some((known) => known.test(response.url())))) said.push(`${response.status()} ${request.method()} ${response.url()} ${(request.postData() ?? '').slice(0, 200)}`);
    else if (process.env.EVERY) console.log(`  ${response.status()} ${request.method()} ${response.url()}`);
  });
  await page.goto(`${base}#${route}`, { waitUntil: 'load' });
  for (const text of texts) check(await shows(page, text), `${name}: "${text}" is shown`);
  await then?.(page);
  await page.waitForLoadState('networkidle', { timeout: 5000 }).catch(() => {});
  if (pictures) {
    fs.mkdirSync(pictures, { recursive: true });
    await page.screenshot({ path: path.join(pictures, `${name}.png`) });
  }
  check(said.length === 0, `${name}: ${[...new Set(said)].join('\n    ') || 'nothing is wrong'}`);
  await page.close();
}
await browser.close();
console.log(`page: ${checks - failures} of ${checks} checks hold`);
process.exit(failures === 0 || tolerant ? 0 : 1);
