import { existsSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

/** Where the kernel tells it; elsewhere there is nothing to wait for, and `peakMemory` gives 0. */
export const knowsPeakMemory = existsSync('/proc/self/status')

/**
 * The largest resident size (KB) that a process had in its life, asked again and again until it is gone: the kernel keeps the
 * maximum, so only the last milliseconds are missed. `pid` may be known later, or never; then `stop` ends the asking.
 */
export async function peakMemory(pid: () => number | undefined, stop: AbortSignal): Promise<number> {
  let peak = 0
  while (knowsPeakMemory && !stop.aborted) {
    const process = pid()
    const now = process === undefined ? 0 : residentPeak(process)
    // Behind its last answer the process is gone, or a zombie, which has no memory any more.
    if (now === 0 && peak > 0) break
    peak = Math.max(peak, now)
    await sleep(10)
  }
  return peak
}

function residentPeak(pid: number): number {
  try {
    return Number(/VmHWM:\s*(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0)
  } catch {
    return 0
  }
}
