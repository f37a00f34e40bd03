// Repositories in the browser: data of its own, made with the native API, then what a reader does with it.
// Each check says what it saw; `browser.mjs` gives the tools.

const PNG = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64');
/** No webhook may go to the server's own machine, so that what this action guards is always refused. */
const ACTION = 'name: look at labels\non:\n  pre-merge:\n    branches: [guarded]\nhooks:\n  - id: labels\n    type: webhook\n    properties:\n      url: http://127.0.0.1:9/labels\n';
const MANY = 750;

const labels = (change = () => null) => `id,label,width,score\n${Array.from({ length: 600 }, (_, id) => change(id) ?? `${id},${['cat', 'dog', 'bird'][id % 3]},${64 + (id % 7) * 32},${id % 50 === 0 ? '' : (id / 600).toFixed(4)}`).filter((line) => line !== '').join('\n')}\n`;

/** Many objects in one body: length of the path, path, length of the content, content. */
function frames(objects) {
  const parts = [];
  for (const [path, content] of objects) {
    const name = Buffer.from(path);
    const [short, long] = [Buffer.alloc(4), Buffer.alloc(8)];
    short.writeUInt32BE(name.length);
    long.writeBigUInt64BE(BigInt(Buffer.byteLength(content)));
    parts.push(short, name, long, Buffer.from(content));
  }
  return Buffer.concat([...parts, Buffer.alloc(4)]);
}

/** A repository with two lines of history, a merge, a conflict, a tag, a refused merge, and changes that are not committed. */
export async function seed({ base, headers }) {
  const mark = Date.now().toString(36);
  const name = `browser-${mark}`;
  const root = `${base}/api/v1/data/repositories`;
  const call = async (where, body, method = 'POST') => {
    const raw = Buffer.isBuffer(body);
    const response = await fetch(`${root}${where}`, { method, headers: { ...headers, 'content-type': raw ? 'application/octet-stream' : 'application/json' }, body: raw ? body : body === undefined ? undefined : JSON.stringify(body) });
    const text = await response.text();
    if (!response.ok) throw Object.assign(new Error(`${where}: ${response.status} ${text}`), { status: response.status });
    return text ? JSON.parse(text) : {};
  };
  const at = (where) => `/${name}${where}`;
  const put = (branch, path, content) => call(at(`/branches/${branch}/object?path=${encodeURIComponent(path)}`), Buffer.from(content), 'PUT');
  const commit = (branch, message, metadata = {}) => call(at(`/branches/${branch}/commits`), { message, metadata });
  const branch = (to, source) => call(at('/branches'), { name: to, source });
  const merge = (into, source, more = {}) => call(at(`/branches/${into}/merge`), { source, message: `Merge ${source} into ${into}`, ...more });

  await call('', { name, metadata: { owner: 'vision' } });
  await call(at('/branches/main/upload'), frames([
    ...Array.from({ length: MANY }, (_, index) => [`raw/2024/img_${String(index).padStart(4, '0')}.png`, PNG]),
    ['labels.csv', labels()],
    ['README.md', '# Images\n\nWhat is **here**:\n\n- raw\n- labels\n'],
    ['config.json', '{"size":[64,64],"mean":0.5}'],
    ['parts/a.jsonl', '{"id":1,"tags":["x"],"note":null}\n{"id":2,"tags":[],"note":"two"}\n'],
    ['parts/b.jsonl', '{"id":3,"tags":["y","z"],"note":"three"}\n'],
    ['weights.bin', Buffer.from([0, 1, 2, 255])],
    ['empty', ''],
  ]));
  const first = await commit('main', 'First images\n\nFrom the old share.', { ticket: 'DATA-7' });
  await branch('relabel', 'main');
  await put('relabel', 'labels.csv', labels((id) => (id % 60 === 7 ? `${id},dog,96,0.1234` : id === 5 ? '' : id === 599 ? '599,bird,192,0.9983\n600,cat,64,0.5' : null)));
  await commit('relabel', 'Relabel what the review found');
  await put('main', 'config.json', '{"size":[128,128],"mean":0.5}');
  await commit('main', 'Larger pictures');
  const joined = await merge('main', 'relabel');
  await call(at('/tags'), { name: 'v1', source: 'main' });
  await branch('dev', 'main');
  await put('dev', 'config.json', '{"size":[256,256],"mean":0.4}');
  await put('dev', 'raw/2026/new.png', PNG);
  await commit('dev', 'Pictures of 2026');
  await put('main', 'config.json', '{"size":[64,64],"mean":0.45}');
  await commit('main', 'Mean of all pictures');
  await put('dev', 'raw/2026/late.png', PNG);
  await put('dev', 'labels.csv', labels());
  await call(at(`/branches/dev/object?path=README.md`), undefined, 'DELETE');
  // A branch that refuses: the action lies in what would be merged.
  await branch('guarded', 'main');
  await branch('wrong', 'main');
  await put('wrong', '_lakefs_actions/labels.yaml', ACTION);
  await commit('wrong', 'Labels that no one looked at');
  const refused = await merge('guarded', 'wrong').then(() => null, (error) => error);
  if (refused === null) throw new Error('the action let the merge pass');
  await call(at('/protections'), { protections: [{ pattern: 'release-*', staging: true, commits: true }] }, 'PUT');
  const { gates } = await (await fetch(`${root}${at('/gates?limit=5')}`, { headers })).json();
  /** What another client does while a page is open. */
  const late = async (message) => {
    await put('relabel', 'late.txt', message);
    await commit('relabel', message);
  };
  return { name, mark, first: first.id, joined: joined.id, gate: gates[0]?.id, late };
}

const e = encodeURIComponent;

/** Addresses for every look, as `browser.mjs` lists them. */
export function pages({ name, first, joined, gate }) {
  const at = `/repositories/${name}`;
  return [
    ['repositories', '/repositories', [name, 'Default branch', 'owner vision']],
    ['data-objects', at, ['labels.csv', 'raw/', 'text/markdown', '7 entries']],
    ['data-staged', `${at}?ref=dev`, ['3 changes', 'labels.csv']],
    ['data-folder', `${at}?path=raw/2024/`, ['img_0000.png', '300 entries read so far']],
    ['data-rows', `${at}?path=labels.csv`, ['600 rows, 4 columns', 'score', 'bird']],
    ['data-columns', `${at}?path=labels.csv&show=columns`, ['distinct', 'missing', 'label']],
    ['data-text', `${at}?path=README.md`, ['Images', 'here']],
    ['data-history', `${at}?path=labels.csv&view=history`, ['Relabel what the review found', 'First images']],
    ['data-table', `${at}/table?path=parts/`, ['3 rows, 3 columns', '2 files', 'three']],
    ['data-changes', `${at}/changes?ref=dev`, ['README.md', 'labels.csv', 'raw/', 'Commit to dev']],
    ['data-commits', `${at}/commits`, ['Mean of all pictures', 'Merge relabel into main', 'Repository created', 'v1']],
    ['data-commit', `${at}/commits/${joined}`, ['Parent 2', 'labels.csv', 'What it changed']],
    ['data-commit-first', `${at}/commits/${first}`, ['From the old share.', 'DATA-7', 'raw/']],
    ['data-compare', `${at}/compare?left=main&right=dev`, ['config.json', 'raw/', 'Merge…']],
    ['data-row-diff', `${at}/rows?left=${first}&right=v1&path=labels.csv`, ['Changed', 'Added', 'Removed', '0.1234']],
    ['data-branches', `${at}/branches`, ['main', 'dev', 'relabel', 'default', 'Pictures of 2026']],
    ['data-tags', `${at}/tags`, ['v1', 'Merge relabel into main']],
    ['data-gates', `${at}/gates`, ['pre-merge', 'failed', 'guarded']],
    ['data-gate', `${at}/gates/${gate}`, ['labels', 'look at labels']],
    ['data-query', `${at}/query?sql=${e(`select label, count(*) as n from ${name}@main:labels.csv group by label order by label`)}`, ['bird', 'rows', 'Save as CSV']],
    ['data-settings', `${at}/settings`, ['release-*', 'Retention', 'Metadata']],
  ];
}

/** What a reader does, once, wide. */
export async function behaviour({ context, open, settled, check, base }, made) {
  const { page, problems } = await open(context);
  const shown = (locator) => locator.first().waitFor({ timeout: 6000 }).then(() => true, () => false);
  const gone = (locator) => locator.first().waitFor({ state: 'detached', timeout: 6000 }).then(() => true, () => false);
  const dialog = page.getByRole('dialog');
  const at = `${base}/repositories/${made.name}`;
  /** What the server refuses is written to the console by the browser itself. */
  const meant = async (act) => {
    const before = problems.length;
    await act();
    problems.splice(before);
  };

  await page.goto(`${base}/`);
  await settled(page);
  await page.keyboard.press('g');
  await page.keyboard.press('v');
  await page.waitForURL(`${base}/repositories`);
  check(true, 'repositories: g v leads there');
  await page.getByRole('button', { name: 'New repository…' }).click();
  const own = `own-${made.mark}`;
  await dialog.getByLabel('Name', { exact: false }).first().fill(own);
  await dialog.getByRole('button', { name: 'Make the repository' }).click();
  await page.waitForURL(`${base}/repositories/${own}`);
  check(await shown(page.getByText('Nothing is stored here yet')), 'repositories: a new one says how to fill it');

  await page.getByRole('button', { name: 'Upload…' }).click();
  await page.locator('dialog input[type=file]').first().setInputFiles([{ name: 'a.csv', mimeType: 'text/csv', buffer: Buffer.from('id,v\n1,2\n2,3\n') }, { name: 'b.txt', mimeType: 'text/plain', buffer: Buffer.from('hello\n') }]);
  await dialog.getByLabel('Into the folder').fill('inbox');
  await dialog.getByRole('button', { name: 'Upload 2 files' }).click();
  check(await shown(dialog.getByText('2 of 2 files')), 'upload: two files arrive');
  await dialog.getByRole('button', { name: 'Close', exact: true }).last().click();
  check(await shown(page.getByRole('link', { name: 'inbox/' })), 'upload: their folder is listed');
  await page.getByRole('link', { name: 'Look at them and commit' }).click();
  await page.getByRole('button', { name: 'inbox/', exact: true }).click();
  check(await shown(page.getByRole('link', { name: 'a.csv' })), 'changes: a folder opens');
  await page.getByRole('button', { name: 'reset inbox/b.txt' }).click();
  await dialog.getByRole('button', { name: 'Drop the change' }).click();
  check(await gone(page.getByText('b.txt', { exact: true })), 'changes: one is taken back');
  await page.getByLabel('Message').fill('What came in');
  await page.getByLabel('Metadata: key 1').fill('source');
  await page.getByLabel('Metadata: value 1').fill('mail');
  await page.getByRole('button', { name: 'Commit to main' }).click();
  await page.waitForURL(/\/commits\/[0-9a-f]{64}/);
  check(await shown(page.getByRole('heading', { name: 'What came in' })) && await shown(page.getByText('mail')), 'commit: it is made, with its metadata');

  await page.goto(`${at}?path=raw/2024/`);
  await settled(page);
  for (let turn = 0; turn < 20 && !(await page.getByText(`${750} entries`, { exact: true }).isVisible()); turn += 1) {
    await page.locator('.table').evaluate((table) => { table.scrollTop = table.scrollHeight; });
    await page.waitForTimeout(250);
  }
  check(await shown(page.getByText('750 entries', { exact: true })), 'objects: a long folder is read as it is scrolled');
  await page.getByRole('searchbox', { name: 'Names that start with' }).fill('img_074');
  check(await shown(page.getByText('10 entries', { exact: true })), 'objects: the beginning of names filters on the server');
  await page.getByRole('button', { name: /^Ref main/ }).click();
  await page.getByRole('combobox', { name: 'Find a ref' }).fill('de');
  await page.waitForTimeout(400);
  await page.keyboard.press('Enter');
  await page.waitForURL(/ref=dev/);
  check(true, 'refs: a branch is found by the beginning of its name');
  await page.goto(`${at}?path=raw/2024/img_0001.png`);
  check(await page.waitForFunction(() => (document.querySelector('.preview img')?.naturalWidth ?? 0) > 0, null, { timeout: 6000 }).then(() => true, () => false), 'objects: a picture is shown');
  const download = page.waitForEvent('download', { timeout: 6000 }).then(async (file) => file.suggestedFilename(), () => null);
  await page.getByRole('link', { name: 'Download' }).or(page.getByRole('button', { name: 'Download' })).click();
  check((await download) === 'img_0001.png', 'objects: one is downloaded under its name');
  await page.goto(`${at}?path=weights.bin`);
  check(await shown(page.getByText('A binary file of 4 B')), 'objects: a binary file says so');

  await page.goto(`${at}?path=labels.csv`);
  await settled(page);
  await page.getByLabel('Go to row').fill('590');
  await page.keyboard.press('Enter');
  check(await shown(page.getByRole('cell', { name: '590', exact: true })), 'tables: any row is a jump away');
  await page.getByRole('button', { name: 'Columns', exact: true }).click();
  check(await shown(page.getByRole('img', { name: 'distribution of label' })), 'tables: a column has its histogram');
  await page.getByRole('link', { name: 'Query…' }).click();
  check(await shown(page.getByText(/^100 rows/)), 'SQL: the query of a table runs');
  await page.getByRole('textbox', { name: 'SQL' }).fill(`select count(*) as n from ${made.name}@v1:labels.csv where label = 'dog' and score = 0.1234`);
  await page.keyboard.press('Control+Enter');
  check(await shown(page.getByRole('table', { name: 'Answer' }).getByRole('cell', { name: '10', exact: true })), 'SQL: it counts what it should');
  await meant(async () => {
    await page.getByRole('textbox', { name: 'SQL' }).fill(`select nothing from ${made.name}@v1:labels.csv`);
    await page.getByRole('button', { name: 'Run', exact: true }).click();
    check(await shown(page.getByRole('alert').filter({ hasText: 'nothing' })), 'SQL: what is wrong with it is said');
  });

  await page.goto(`${at}/rows?left=${made.first}&right=v1&path=labels.csv`);
  await settled(page);
  const figure = (name) => page.locator('.figures > div', { hasText: name }).locator('dd').innerText();
  check(JSON.stringify([await figure('Changed'), await figure('Added'), await figure('Removed')]) === '["10","1","1"]', 'rows: changed, added and removed ones are counted');
  await page.getByRole('button', { name: 'Added', exact: true }).click();
  await page.waitForURL(/kind=added/);
  check(await shown(page.getByRole('table', { name: 'Rows that differ' }).getByText('600', { exact: true })), 'rows: one kind alone');

  await page.goto(`${at}/compare?left=main&right=dev`);
  await settled(page);
  await page.getByRole('button', { name: 'Merge…' }).click();
  check(await shown(page.getByText('1 conflict')), 'merge: what conflicts is named before');
  check(await page.getByRole('button', { name: 'Choose who wins' }).isDisabled(), 'merge: a conflict stops it');
  await page.getByLabel('From: dev wins').check();
  await page.getByRole('button', { name: 'Merge into main' }).click();
  await page.waitForURL(/\/commits\/[0-9a-f]{64}/);
  check(await shown(page.getByText('Parent 2').first()) && await shown(page.getByRole('link', { name: 'config.json' })), 'merge: with a strategy it is made');
  await page.goto(`${at}/compare?left=guarded&right=wrong`);
  await settled(page);
  await page.getByRole('button', { name: 'Merge…' }).click();
  await meant(async () => {
    await page.getByRole('button', { name: 'Merge into guarded' }).click();
    check(await shown(page.getByRole('alert').filter({ hasText: 'It was not merged' })), 'gates: a refused merge says so');
  });
  check(await shown(page.getByRole('link', { name: /The report of pre-merge/ })), 'gates: the report stands below the refusal');

  await page.goto(`${at}/branches`);
  await settled(page);
  await page.getByRole('button', { name: 'New branch…' }).click();
  await dialog.getByLabel('Name').fill('release-1');
  await dialog.getByRole('button', { name: 'Create the branch' }).click();
  await page.waitForURL(/ref=release-1/);
  await page.goto(`${at}/branches`);
  check(await shown(page.getByRole('button', { name: /no commits, no uploads: change the protection of release-1/ })), 'branches: a new one is guarded by the rule for its name');
  await page.getByRole('button', { name: 'not guarded: change the protection of wrong' }).click();
  await dialog.getByLabel(/No commits/).check();
  await dialog.getByRole('button', { name: 'Save' }).click();
  check(await shown(page.getByRole('button', { name: 'no commits: change the protection of wrong' })), 'branches: one is protected');
  await page.getByRole('button', { name: 'delete the branch release-1' }).click();
  await dialog.getByRole('button', { name: 'Delete the branch' }).click();
  check(await gone(page.getByRole('button', { name: 'delete the branch release-1' })), 'branches: one is deleted');
  await page.goto(`${at}/tags`);
  await settled(page);
  await page.getByRole('button', { name: 'New tag…' }).click();
  await dialog.getByLabel('Name').fill('v2');
  await dialog.getByRole('button', { name: 'Create the tag' }).click();
  await page.waitForURL(/ref=v2/);
  await page.goto(`${at}/tags`);
  await page.getByRole('button', { name: 'delete the tag v2' }).click();
  await dialog.getByRole('button', { name: 'Delete the tag' }).click();
  check(await gone(page.getByRole('button', { name: 'delete the tag v2' })), 'tags: one is made and deleted');

  await page.goto(`${at}/commits?ref=relabel`);
  await settled(page);
  await made.late('Labels of a late client');
  check(await shown(page.getByRole('link', { name: 'Labels of a late client' })), 'commits: one that another client makes appears without a reload');
  await page.goto(`${at}?ref=relabel&path=raw/`);
  await settled(page);
  await page.keyboard.press('j');
  await page.keyboard.press('x');
  await page.getByRole('button', { name: 'Delete 1…' }).click();
  await dialog.getByRole('button', { name: 'Delete from relabel' }).click();
  check(await shown(page.getByText('Nothing is in this folder')), 'objects: a folder is deleted with all that is in it');
  await page.goto(`${base}/repositories/${own}/settings`);
  await page.getByRole('button', { name: 'Delete the repository…' }).click();
  await dialog.getByRole('textbox').fill(own);
  await dialog.getByRole('button', { name: 'Delete for ever' }).click();
  await page.waitForURL(`${base}/repositories`);
  check(await gone(page.getByRole('link', { name: own })), 'repositories: one is deleted');
  check(problems.length === 0, `data: no error: ${problems.join(' | ')}`);
  await page.close();
}
