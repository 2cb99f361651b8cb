/** Of this process, in MB, looked at every few milliseconds: the system's own count begins with the parent's. */
export interface MemoryWatch {
  /** The most since the last time it was asked. */
  takePeakMb(): number;
}

const everyMs = 5;

/** Never holds the process up. Sees what happens in other threads, as sharp's work does. */
export function createMemoryWatch(): MemoryWatch {
  let peak = 0;
  const look = () => {
    peak = Math.max(peak, process.memoryUsage.rss());
  };
  setInterval(look, everyMs).unref();
  return {
    takePeakMb() {
      look();
      const taken = peak / 2 ** 20;
      peak = 0;
      return taken;
    },
  };
}
