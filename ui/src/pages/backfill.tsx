// One backfill: how far it is, and every moment with its run.
import { useState } from 'react';
import { type Backfill, call } from '../api';
import { moment } from '../format';
import { Ago, Await, Facts, Failure, Page, Panel } from '../parts/basics';
import { FormDialog, useAction } from '../parts/data/act';
import { BackfillState, Moments, ProgressOf, RERUN } from '../parts/pipeline/backfills';
import { inZone, whenText } from '../parts/pipeline/when';
import { Link, enc } from '../router';
import { useApi } from '../store';
import '../styles/pipeline.css';

export default function BackfillPage({ args: [id = ''] }: { args: string[] }) {
  const found = useApi<Backfill>(`/backfills/${enc(id)}`, { topics: ['backfill', 'pipeline'] });
  const action = useAction();
  const [cancelling, setCancelling] = useState(false);
  const act = (verb: string) => call(`/backfills/${enc(id)}/${verb}`, { method: 'POST', body: {} });
  return (
    <Await of={found} lines={8}>
      {(one) => {
        const zone = one.time_zone || 'UTC';
        const open = one.state === 'running' || one.state === 'paused';
        return (
          <Page
            crumbs={[['Pipelines', '/pipelines'], ['Backfills', '/backfills']]}
            title={one.name}
            lead={<>Runs <Link href={`/pipelines/${enc(one.pipeline)}`}>{one.pipeline}</Link> {whenText(one)}, from {inZone(one.from, zone)} to {inZone(one.to, zone)}.</>}
            actions={open && (
              <>
                {one.state === 'running' ? <button type="button" disabled={action.busy} onClick={() => void action.run(() => act('pause'))}>Pause</button> : <button type="button" className="primary" disabled={action.busy} onClick={() => void action.run(() => act('resume'))}>Go on</button>}
                <button type="button" className="danger" onClick={() => setCancelling(true)}>Cancel…</button>
              </>
            )}
          >
            {action.error && <Failure error={action.error} title="It did not change" />}
            <div className="stack">
              <Panel title="Progress">
                <ProgressOf of={one} />
                <Facts
                  items={[
                    ['State', <BackfillState key="s" of={one} />],
                    ['What it says', one.message ?? null],
                    ['At the same time', `at most ${one.max_active}`],
                    ['Moments that have run', RERUN[one.rerun]],
                    ['Order', one.backwards ? 'newest first' : 'oldest first'],
                    ['Schedule', one.schedule ? <Link key="w" href={`/schedules?schedule=${enc(one.schedule)}`}>its schedule</Link> : null],
                    ['Input that gets the moment', one.moment_input ?? null],
                    ['Made', <><Ago at={one.created_at} /> by {one.created_by}</>],
                    ['Ended', one.ended_at ? moment(one.ended_at) : null],
                  ]}
                />
              </Panel>
              <Panel title="Moments" flush><Moments moments={one.moments ?? []} zone={zone} /></Panel>
            </div>
            {cancelling && (
              <FormDialog title={`Cancel ${one.name}`} submit="Cancel the backfill" danger failed="It was not cancelled" onClose={() => setCancelling(false)} act={() => act('cancel')}>
                <p>Nothing of it starts any more, and runs of it that go on are ended. What has ended stays.</p>
              </FormDialog>
            )}
          </Page>
        );
      }}
    </Await>
  );
}
