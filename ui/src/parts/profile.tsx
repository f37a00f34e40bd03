// What the columns of a table look like: type, distribution, moments, what is missing.
import type { Column, ColumnProfile } from '../api';
import { number, percent, plain } from '../format';
import { Bars } from './marks';
import '../styles/dataset.css';

export function ColumnProfiles({ columns, profiles, rows }: { columns: Column[]; profiles: ColumnProfile[]; rows: number }) {
  const known = new Map(profiles.map((profile) => [profile.name, profile]));
  return (
    <div className="profile">
      {columns.map((column) => {
        const profile = known.get(column.name);
        return (
          <div key={column.name} className="column">
            <div className="name">
              <b className="clip" title={column.name}>{column.name}</b>
              <span className="muted">{column.type.toLowerCase()}{column.nullable ? ', may be missing' : ''}</span>
            </div>
            {profile ? <Profile profile={profile} rows={rows} /> : <span className="muted">no profile</span>}
          </div>
        );
      })}
    </div>
  );
}

function Profile({ profile, rows }: { profile: ColumnProfile; rows: number }) {
  const odd: [string, number | undefined][] = [['missing', profile.null_count], ['NaN', profile.nan_count], ['infinite', profile.inf_count]];
  const strange = odd.filter(([, amount]) => amount);
  return (
    <>
      <div className="picture">{profile.histogram && <Bars baseline={null} current={profile.histogram} label={`distribution of ${profile.name}`} height={44} />}</div>
      <dl className="numbers">
        {profile.mean !== undefined && profile.mean !== null && <div><dt>mean</dt><dd>{number(profile.mean)}</dd></div>}
        {profile.std !== undefined && profile.std !== null && <div><dt>std</dt><dd>{number(profile.std)}</dd></div>}
        {profile.min !== undefined && profile.min !== null && <div><dt>min</dt><dd>{plain(profile.min)}</dd></div>}
        {profile.max !== undefined && profile.max !== null && <div><dt>max</dt><dd>{plain(profile.max)}</dd></div>}
        {profile.distinct !== undefined && profile.distinct !== null && <div><dt>distinct</dt><dd>{number(profile.distinct)}</dd></div>}
      </dl>
      <div className="odd">
        {strange.length === 0 ? <span className="muted">complete</span> : strange.map(([what, amount]) => <span key={what}>{number(amount)} {what} <span className="muted">({percent((amount ?? 0) / Math.max(rows, 1))})</span></span>)}
      </div>
    </>
  );
}
