// The width that an element has, as it changes.
import { type RefObject, useEffect, useState } from 'react';

/** Pixels, at least `least`. */
export function useWidth(of: RefObject<HTMLElement | null>, least: number): number {
  const [width, setWidth] = useState(760);
  useEffect(() => {
    const element = of.current;
    if (!element) return;
    const watch = new ResizeObserver(() => setWidth(Math.max(least, element.clientWidth)));
    watch.observe(element);
    return () => watch.disconnect();
  }, [of, least]);
  return width;
}
