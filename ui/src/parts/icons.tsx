// 16-unit line icons, drawn here so that nothing is fetched for them.
const PATHS = {
  loop: 'M4.5 4h7a3 3 0 0 1 3 3v2a3 3 0 0 1-3 3h-7a3 3 0 0 1-3-3V7a3 3 0 0 1 3-3ZM7 2 9.2 4 7 6M9 10l-2.2 2L9 14',
  data: 'M2.5 4c0-1.1 2.5-2 5.5-2s5.5.9 5.5 2-2.5 2-5.5 2-5.5-.9-5.5-2ZM2.5 4v8c0 1.1 2.5 2 5.5 2s5.5-.9 5.5-2V4M2.5 8c0 1.1 2.5 2 5.5 2s5.5-.9 5.5-2',
  training: 'M2 13.5h12M3 10.5c2-7 4-7 5.2-3.4 1.1 3.3 2.6 2.6 4.8-3.6',
  pipeline: 'M2 2.5h4v4H2zM10 2.5h4v4h-4zM6 12h4M10 9.5h4v4h-4zM4 6.5V12h2M6 4.5h4',
  model: 'M8 1.8 14 5v6l-6 3.2L2 11V5zM2 5l6 3.2L14 5M8 8.2v6',
  serving: 'M2.5 8h3l1.6-4.5L9.4 12l1.5-4h2.6',
  monitoring: 'M1.8 8C3.4 5.2 5.5 3.8 8 3.8S12.6 5.2 14.2 8c-1.6 2.8-3.7 4.2-6.2 4.2S3.4 10.8 1.8 8ZM8 10a2 2 0 1 0 0-4 2 2 0 0 0 0 4Z',
  review: 'M1.8 8s2.3-4.2 6.2-4.2S14.2 8 14.2 8s-2.3 4.2-6.2 4.2S1.8 8 1.8 8M8 6.2a1.8 1.8 0 1 1 0 3.6 1.8 1.8 0 0 1 0-3.6',
  retraining: 'M13.5 8A5.5 5.5 0 1 1 11.6 3.8M11.8 1.5v2.6H9.2',
  gates: 'M8 1.8 13.2 4v4c0 3-2 5-5.2 6.2C4.8 13 2.8 11 2.8 8V4zM5.8 8l1.6 1.6 2.9-3.2',
  lineage: 'M3.5 5.5a2 2 0 1 0 0-4 2 2 0 0 0 0 4ZM3.5 14.5a2 2 0 1 0 0-4 2 2 0 0 0 0 4ZM12.5 10a2 2 0 1 0 0-4 2 2 0 0 0 0 4ZM5.4 4l5.3 3M5.4 12l5.3-3',
  events: 'M3 3.5h10M3 8h10M3 12.5h6',
  search: 'M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10ZM10.6 10.6 14 14',
  menu: 'M2.5 4.5h11M2.5 8h11M2.5 11.5h11',
  close: 'M4 4l8 8M12 4l-8 8',
  file: 'M3.5 1.8h5.7l3.3 3.3v9.1h-9zM9 1.8v3.5h3.5',
  folder: 'M1.8 4V3h4.4l1.4 1.8h6.6v8.4H1.8z',
  code: 'M5.5 4.5 2 8l3.5 3.5M10.5 4.5 14 8l-3.5 3.5',
  repository: 'M2.5 3.2h8a3 3 0 0 1 3 3v6.6h-8a3 3 0 0 0-3 0zM2.5 12.8V3.2M5.5 3.2v9.6',
  branch: 'M4.5 5.2a1.7 1.7 0 1 0 0-3.4 1.7 1.7 0 0 0 0 3.4ZM4.5 14.2a1.7 1.7 0 1 0 0-3.4 1.7 1.7 0 0 0 0 3.4ZM11.5 6.2a1.7 1.7 0 1 0 0-3.4 1.7 1.7 0 0 0 0 3.4ZM4.5 5.2v5.6M11.5 6.2c0 2.6-7 1.4-7 4.6',
  tag: 'M2 2h5.4l6.6 6.6-5.4 5.4L2 7.4zM5 5h.01',
  commit: 'M8 10.6a2.6 2.6 0 1 0 0-5.2 2.6 2.6 0 0 0 0 5.2ZM1.5 8h3.9M10.6 8h3.9',
  upload: 'M8 10.4V2.2M4.8 5.4 8 2.2l3.2 3.2M2.5 13.5h11',
  table: 'M2 3h12v10H2zM2 6.3h12M2 9.6h12M6.2 3v10',
  download: 'M8 2v8M4.8 7.2 8 10.4l3.2-3.2M2.5 13.5h11',
  check: 'M3 8.6 6.4 12 13 4.6',
  cross: 'M4 4l8 8M12 4l-8 8',
  beside: 'M2 3h12v10H2zM9.5 3v10',
  below: 'M2 3h12v10H2zM2 9h12',
  arrow: 'M3 8h10M9.4 4.4 13 8l-3.6 3.6',
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg viewBox="0 0 16 16" fill="none" stroke="currentColor" strokeWidth="1.4" strokeLinecap="round" strokeLinejoin="round" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}

/** The mark: a loop that a stroke of the maker's hand keeps turning. */
export function Mark() {
  return (
    <svg viewBox="0 0 24 24" aria-hidden="true">
      <rect x="2.2" y="5.2" width="19.6" height="13.6" rx="6.8" fill="none" stroke="currentColor" strokeWidth="2.4" />
      <circle cx="8.2" cy="5.2" r="3.2" fill="var(--accent)" stroke="var(--paper)" strokeWidth="1.6" />
      <circle cx="15.8" cy="18.8" r="3.2" fill="currentColor" stroke="var(--paper)" strokeWidth="1.6" />
    </svg>
  );
}
