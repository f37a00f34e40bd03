// Pipelines in the browser: real runs of a plan with a loop, nested graphs, retries, an approval and artifacts, then what a reader does with them.
// Each check says what it saw; `browser.mjs` gives the tools.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const FOLDS = 5;
/** More than the server gives of a run at once. */
const MANY = 2500;

const port = (of, more = {}) => ({ of, ...more });
const artifact = (type) => port({ artifact: { schema: `system.${type}`, list: false } });
const input = (name) => ({ from: { input: name } });
const output = (task, name = 'output') => ({ from: { output: { task, port: name } } });
/** A function of Python whose source travels with the plan. */
const python = (name, source, inputs, outputs) => ({ work: { kind: 'python', spec: { function: name, packages: [], source }, inputs, outputs } });
const task = (name, more = {}) => ({ name, component: name, inputs: {}, needs: [], ...more });

const PREPARE = `
def prepare(folds: int) -> list:
    print("preparing", folds)
    return list(range(folds))
`;
const TRAIN = `
from mlwright import Markdown, Metrics, Output

def train(fold: int, report: Output[Markdown], scores: Output[Metrics]) -> float:
    for step in range(20):
        print(f"fold {fold} step {step} loss {1 / (step + 1):.4f}")
    with open(report.path, "w") as file:
        file.write(f"# Fold {fold}\\n\\nIt went **well**.\\n")
    scores.log("auc", 0.8 + fold / 100)
    return 0.8 + fold / 100
`;
const EVALUATE = `
def evaluate(score: float) -> dict:
    print("score", score)
    return {"score": score, "good": score > 0.5}
`;
/** Fails until somebody makes the file. */
const CAREFUL = `
import os

def careful(marker: str) -> str:
    print("looking for", marker)
    if not os.path.exists(marker):
        raise ValueError("the marker is missing")
    return "found"
`;
const TALK = `
import time

def talk(seconds: float) -> int:
    end = time.time() + seconds
    line = 0
    while time.time() < end:
        print("line", line, flush=True)
        line += 1
        time.sleep(0.2)
    return line
`;

function plan(name) {
  return {
    name,
    root: {
      inputs: { folds: port('integer', { default: FOLDS }), marker: port('text'), seconds: port('number', { default: 0 }), settings: port('map', { optional: true, default: { depth: [4, 6] } }) },
      tasks: [
        task('prepare', { inputs: { folds: input('folds') } }),
        task('talk', { inputs: { seconds: input('seconds') } }),
        task('each-fold', { needs: ['prepare'], each: { items: output('prepare'), item: 'fold', limit: 3 } }),
        task('careful', { needs: ['prepare'], inputs: { marker: input('marker') }, retry: { max: 1, backoff_ms: 100 } }),
        task('gates', { needs: ['each-fold', 'careful', 'talk'], inputs: { scores: output('each-fold', 'score') } }),
      ],
      outputs: { scores: { output: { task: 'each-fold', port: 'score' } } },
    },
    components: {
      prepare: python('prepare', PREPARE, { folds: port('integer') }, { output: port('list') }),
      talk: python('talk', TALK, { seconds: port('number') }, { output: port('integer') }),
      careful: python('careful', CAREFUL, { marker: port('text') }, { output: port('text') }),
      'each-fold': {
        graph: {
          inputs: { fold: port('integer') },
          tasks: [task('train', { inputs: { fold: input('fold') } }), task('evaluate', { needs: ['train'], inputs: { score: output('train') } })],
          outputs: { score: { output: { task: 'train', port: 'output' } } },
        },
      },
      train: python('train', TRAIN, { fold: port('integer') }, { output: port('number'), report: artifact('Markdown'), scores: artifact('Metrics') }),
      evaluate: python('evaluate', EVALUATE, { score: port('number') }, { output: port('map') }),
      gates: { graph: { inputs: { scores: port('list') }, tasks: [task('approve'), task('publish', { component: 'prepare', needs: ['approve'], inputs: { folds: { from: { constant: 1 } } } })], outputs: {} } },
      approve: { approval: { question: 'Shall it be served?' } },
    },
  };
}

/** A loop that costs nothing but rows. */
function wide(name) {
  return {
    name,
    root: { inputs: {}, tasks: [task('each-file', { each: { items: { from: { constant: Array.from({ length: MANY }, (_, at) => `https://files.example/${at}.csv`) } }, item: 'address' } })], outputs: {} },
    components: { 'each-file': { import: { output: 'file', artifact_type: 'system.Dataset', uri: input('address'), inputs: { address: port('text') } } } },
  };
}

export async function seed({ base, headers }) {
  const mark = Date.now().toString(36);
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'mlwright-browser-'));
  const marker = path.join(folder, 'marker');
  const there = path.join(folder, 'there');
  fs.writeFileSync(there, 'yes');
  const call = async (where, body, method = body === undefined ? 'GET' : 'POST') => {
    const response = await fetch(`${base}/api/v1${where}`, { method, headers: { ...headers, 'content-type': 'application/json' }, body: body === undefined ? undefined : JSON.stringify(body) });
    const text = await response.text();
    if (!response.ok) throw new Error(`${where}: ${response.status} ${text}`);
    return text ? JSON.parse(text) : {};
  };
  const name = `folds-${mark}`;
  const start = async (called, inputs, of = plan(name)) => (await call('/pipeline-runs', { plan: of, inputs, name: `${called} ${mark}` })).id;
  const until = async (id, holds, what) => {
    let run;
    for (const end = Date.now() + 120_000; Date.now() < end; ) {
      run = await call(`/pipeline-runs/${id}`);
      if (holds(run)) return run;
      await new Promise((resume) => setTimeout(resume, 250));
    }
    throw new Error(`run ${id} is ${run.state}, and does not get to: ${what}. ${JSON.stringify(run.steps.map((step) => [step.name, step.state, step.message]))}`);
  };
  const asking = (run) => run.steps.some((step) => step.shape === 'approval' && step.state === 'running');
  const answer = async (id, approved) => {
    const run = await until(id, asking, 'the approval');
    await call(`/pipeline-runs/${id}/answer`, { step: run.steps.find((step) => step.shape === 'approval').id, approved });
  };
  const good = await start('good', { marker: there });
  await answer(good, true);
  await until(good, (run) => run.state === 'succeeded', 'success');
  const bad = await start('bad', { marker });
  await until(bad, (run) => run.state === 'failed', 'failure');
  const backfill = await call('/backfills', { name: `days ${mark}`, pipeline: name, cron: '0 6 * * *', from: '2026-03-01', to: '2026-03-04', inputs: { marker: there }, max_active: 2 });
  const asks = await start('asks', { marker: there });
  await until(asks, asking, 'the approval');
  const many = await start('many', {}, wide(`files-${mark}`));
  await until(many, (run) => run.state === 'succeeded', 'success');
  return { mark, name, good, bad, asks, many, backfill: backfill.id, start, until, call, there, mend: () => fs.writeFileSync(marker, 'yes'), clean: () => fs.rmSync(folder, { recursive: true, force: true }) };
}

/** Addresses for every look, as `browser.mjs` lists them. */
export function pages({ mark, name, good, bad, asks, many, backfill }) {
  const at = (id, search = '') => `/pipeline-runs/${id}${search}`;
  return [
    ['pipelines-list', '/pipelines', [name]],
    ['pipelines-runs', '/pipeline-runs', [`good ${mark}`, `bad ${mark}`]],
    ['pipelines-schedules', '/schedules', ['Schedules']],
    ['pipelines-backfills', '/backfills', [`days ${mark}`, 'of 3']],
    ['pipelines-backfill', `/backfills/${backfill}`, ['Progress', 'Moments', '02 Mar 2026', 'are left out']],
    ['pipelines-one', `/pipelines/${name}`, [`good ${mark}`, 'prepare', 'for each item', 'folds']],
    ['pipelines-grid', `/pipelines/${name}?tab=grid`, [`bad ${mark}`, 'each-fold', 'careful']],
    ['pipelines-run', at(good), ['prepare', 'each-fold', 'Log of']],
    ['pipelines-loop', at(good, '?open=each-fold,gates&step=each-fold/2/train'), ['#2', 'train', 'evaluate', 'fold 2 step 19']],
    ['pipelines-time', at(good, '?view=time&open=each-fold,each-fold/1'), ['Tasks over time', '#1', 'evaluate']],
    ['pipelines-tasks', at(good, '?view=tasks&open=each-fold'), ['#4', 'In line']],
    ['pipelines-data', at(good, '?step=each-fold/1/train&show=data'), ['report', 'Markdown', 'auc', '0.81']],
    ['pipelines-details', at(good, '?step=each-fold/1/train&show=facts'), ['Exit code', 'In line']],
    ['pipelines-outputs', at(good, '?view=data'), ['scores', 'depth', 'marker']],
    ['pipelines-failed', at(bad), ['failed', 'the marker is missing', 'Retry…']],
    ['pipelines-attempts', at(bad, '?step=careful&show=facts'), ['Attempts', 'the marker is missing']],
    ['pipelines-attempt', at(bad, '?step=careful&attempt=1'), ['The log of attempt 1', 'looking for']],
    ['pipelines-asks', at(asks), ['Shall it be served?', 'Approve…']],
    ['pipelines-many', at(many, '?open=each-file&at=each-file:1234'), ['#1,234', '2,500']],
    ['pipelines-many-tasks', at(many, '?open=each-file&view=tasks'), ['#12', 'In line']],
  ];
}

/** What a reader does, once, wide. */
export async function behaviour({ context, open, settled, check, base }, made) {
  const { page, problems } = await open(context);
  const shown = (locator, timeout = 8000) => locator.first().waitFor({ timeout }).then(() => true, () => false);
  const gone = (locator) => locator.first().waitFor({ state: 'detached', timeout: 8000 }).then(() => true, () => false);
  const dialog = page.getByRole('dialog');
  const go = async (where) => {
    await page.goto(base + where);
    await settled(page);
  };
  const run = (id, search = '') => go(`/pipeline-runs/${id}${search}`);
  const title = (state) => page.locator('.head h1', { hasText: state });

  // The graph: a loop opens, iterations are run along, the address follows.
  await run(made.good);
  await page.getByRole('button', { name: `open each-fold × ${FOLDS}` }).click();
  check(await shown(page.getByRole('slider', { name: 'iteration of each-fold' })), 'pipelines: a loop opens in the graph');
  await page.getByRole('slider', { name: 'iteration of each-fold' }).fill('3');
  await page.waitForURL(/at=each-fold:3/);
  await page.locator('.graph').getByRole('button', { name: /^train/ }).click();
  await page.waitForURL(/step=each-fold\/3\/train/);
  check(await shown(page.getByText('fold 3 step 19')), 'pipelines: a task of that iteration shows its log');
  await page.getByRole('button', { name: 'next iteration' }).click();
  await page.waitForURL(/step=each-fold\/4\/train/);
  check(await shown(page.getByText('fold 4 step 19')), 'pipelines: the next iteration shows the same task');
  await page.keyboard.press('d');
  check(await shown(page.getByText('scores', { exact: true })), 'keyboard: d shows the data of the task');
  await page.getByRole('button', { name: 'Look inside' }).first().click();
  check(await shown(page.getByRole('heading', { name: 'Fold 4' })), 'pipelines: an artifact is looked into');
  await page.keyboard.press('2');
  check(await shown(page.getByRole('table', { name: 'Tasks over time' })), 'keyboard: 2 shows the tasks over time');
  const brush = await page.locator('.brush').boundingBox();
  await page.mouse.move(brush.x + brush.width * 0.2, brush.y + 8);
  await page.mouse.down();
  await page.mouse.move(brush.x + brush.width * 0.7, brush.y + 8, { steps: 4 });
  await page.mouse.up();
  await page.waitForURL(/zoom=\d+-\d+/);
  check(await shown(page.getByRole('button', { name: 'Whole run' })), 'pipelines: a drag over the axis zooms, and the address says so');
  await page.keyboard.press('3');
  await page.getByRole('searchbox', { name: 'Find a task' }).fill('evaluate');
  check((await page.locator('.table .body .tr').count()) === FOLDS, 'pipelines: tasks are found by name');
  await page.getByRole('columnheader', { name: 'Took' }).getByRole('button').click();
  await page.waitForURL(/sort=-took/);
  check(true, 'pipelines: the order stands in the address');

  // A failure is told, mended, and started again.
  await run(made.bad);
  check(await shown(page.getByText('Log of careful')) && await shown(page.getByText('looking for')), 'pipelines: a failed run opens at what failed');
  await page.getByRole('button', { name: 'Retry…' }).click();
  check(await shown(dialog.getByText('each-fold', { exact: false })) === false && await shown(dialog.getByText('careful')), 'pipelines: a retry says what it touches');
  made.mend();
  await dialog.getByRole('button', { name: /^Run \d+ tasks? again$/ }).click();
  check(await shown(title('running')), 'pipelines: a retry runs the same run again');
  check(await shown(page.getByRole('button', { name: 'Approve…' }), 60_000) || await shown(page.getByText('1 waits for an answer'), 30_000), 'pipelines: it gets as far as the approval, without a reload');
  await page.goto(`${base}/pipeline-runs/${made.bad}?step=gates/approve`);
  await page.getByRole('button', { name: 'Reject…' }).click();
  await dialog.getByRole('textbox', { name: 'Comment' }).fill('not today');
  await dialog.getByRole('button', { name: 'Reject', exact: true }).click();
  check(await shown(title('failed'), 20_000), 'pipelines: a rejected approval fails the run');

  await run(made.asks, '?step=gates/approve');
  await page.getByRole('button', { name: 'Approve…' }).click();
  await dialog.getByRole('button', { name: 'Approve', exact: true }).click();
  check(await shown(title('succeeded'), 30_000), 'pipelines: an approved one goes on to its end');

  // A live log, and the end of it.
  const long = await made.start('long', { marker: made.there, seconds: 600 });
  await page.goto(`${base}/pipeline-runs/${long}?step=talk`);
  check(await shown(page.getByText(/line 3\b/), 30_000) && await shown(page.getByText(/line 12\b/), 30_000), 'pipelines: a log is followed while the task runs');
  check(await page.locator('.log').evaluate((log) => log.scrollHeight - log.scrollTop - log.clientHeight < 60), 'pipelines: it stays at its end');
  await page.getByRole('button', { name: 'Cancel…' }).click();
  check(await shown(dialog.getByText(/1 running task|running tasks/)) && await shown(dialog.getByText('talk')), 'pipelines: cancelling says what it stops');
  await dialog.getByRole('button', { name: 'Cancel the run' }).click();
  check(await shown(title('cancelled'), 30_000), 'pipelines: a run is cancelled, and the page learns of it');

  // A large loop: only what is looked at is drawn and read.
  await run(made.many, '?open=each-file&view=tasks');
  const table = page.getByRole('table', { name: 'Tasks' });
  await table.evaluate((element) => { element.scrollTop = element.scrollHeight; });
  check(await shown(page.getByText(`#${MANY - 1}`, { exact: true })), 'pipelines: the last of many iterations is a jump away');
  check((await table.locator('.body .tr').count()) < 120, 'pipelines: only the iterations in view are drawn');

  // The grid leads to the task; a pipeline is started with other inputs.
  await go(`/pipelines/${made.name}?tab=grid`);
  await page.getByRole('link', { name: /^careful: succeeded/ }).first().click();
  await page.waitForURL(/step=careful/);
  check(await shown(page.getByText('Log of careful')), 'pipelines: a cell of the grid opens the task');
  await go(`/pipelines/${made.name}`);
  await page.getByRole('button', { name: 'Run…' }).click();
  await dialog.getByLabel('folds').fill('two');
  await dialog.getByRole('button', { name: 'Run', exact: true }).click();
  check(await shown(dialog.getByRole('alert').filter({ hasText: 'folds' })), 'pipelines: an input of the wrong type is named');
  await dialog.getByLabel('folds').fill('2');
  await dialog.getByLabel('marker').fill(made.there);
  await dialog.getByRole('button', { name: 'Run', exact: true }).click();
  await page.waitForURL(/\/pipeline-runs\//);
  check(await shown(page.getByText('2 of 2').or(page.getByText('each-fold × 2')), 60_000), 'pipelines: it runs with what was typed');

  // By the clock.
  await go(`/pipelines/${made.name}?tab=schedules`);
  await page.getByRole('button', { name: 'Schedule…' }).click();
  const called = `at dawn ${made.mark}`;
  await dialog.getByLabel('Name').fill(called);
  await dialog.getByLabel('Cron').fill('0 6 * * 1-5');
  await dialog.getByLabel('Time zone').fill('Europe/Berlin');
  check(await shown(dialog.getByText('on weekdays at 06:00')) && await shown(dialog.getByText(/06:00:00 CES?T/)), 'schedules: the next moments are seen before it is made');
  const before = problems.length;
  await dialog.getByLabel('Cron').fill('at six');
  check(await shown(dialog.getByRole('alert')), 'schedules: what is wrong with a cron text is said');
  await page.waitForTimeout(300);
  problems.splice(before);
  await dialog.getByLabel('Cron').fill('0 6 * * 1-5');
  await dialog.getByLabel('marker').fill(made.there);
  await page.waitForTimeout(600);
  await dialog.getByRole('button', { name: 'Make the schedule' }).click();
  check(await shown(page.getByRole('link', { name: called })), 'schedules: one is made');
  const toggle = page.getByRole('switch', { name: `${called} starts runs` });
  await toggle.click();
  check(await page.waitForFunction((name) => document.querySelector(`input[aria-label="${name} starts runs"]`)?.checked === false, called, { timeout: 6000 }).then(() => true, () => false), 'schedules: one is switched off');
  await page.getByRole('link', { name: called }).click();
  check(await shown(dialog.getByText('Europe/Berlin')), 'schedules: one is shown in full');
  await dialog.getByRole('button', { name: 'Delete…' }).click();
  await page.getByRole('button', { name: 'Delete the schedule' }).click();
  check(await gone(page.getByRole('link', { name: called })), 'schedules: one is deleted');

  // A range that lies behind.
  await go('/backfills');
  await page.getByRole('button', { name: 'New backfill…' }).click();
  await dialog.getByRole('button', { name: 'Every so often' }).click();
  await dialog.getByLabel('Pipeline').selectOption(made.name);
  await dialog.getByLabel(/^From/).fill('2026-05-01T00:00');
  await dialog.getByLabel(/^To/).fill('2026-05-03T00:00');
  await dialog.getByRole('textbox', { name: 'marker' }).fill(made.there);
  check(await shown(dialog.getByText('3 runs would start')), 'backfills: what it would do is seen before it is made');
  await dialog.getByRole('button', { name: 'Start it' }).click();
  await page.waitForURL(/\/backfills\/./);
  check(await shown(page.getByText('02 May 2026')), 'backfills: one is made, with its moments');
  await page.getByRole('button', { name: 'Cancel…' }).click();
  await dialog.getByRole('button', { name: 'Cancel the backfill' }).click();
  check(await gone(page.getByRole('button', { name: 'Cancel…' })), 'backfills: one is cancelled');
  check(problems.length === 0, `pipelines: no error: ${problems.join(' | ')}`);
  await page.close();
  made.clean();
}
