/**
 * Which files of a partition's folder are its log, when a process may have died while it was exchanging some of them.
 *
 * Compaction (and the split of a segment whose offsets have outgrown 32 bits) writes the new segments beside the old ones and
 * exchanges them by renaming, one file at a time: the `.log` of a segment first, then `.index`, `.timeindex`, `.txnindex`.
 *
 * ```
 * 1  new segments written              0.log.cleaned 0.index.cleaned …        old: 0 100 200
 * 2  .cleaned → .swap, highest first   0.log.swap 0.index.cleaned …           old: 0 100 200
 * 3  old → .deleted, lowest first      0.log.swap …                           old: 0.log.deleted 100 200
 * 4  .swap → in place, lowest first    0.log 0.index.swap …                   old: all .deleted
 * 5  .deleted removed, a minute later
 * ```
 *
 * Up to the last rename of step 2 the exchange never happened; from there on it is finished. One file still `.cleaned` tells
 * the two apart: then each `.swap` at or above it belongs to the unfinished exchange. A `.swap` log that counts replaces the old
 * segments from the lowest such base offset up to the highest next offset; those have not become `.deleted` yet.
 * That is the order of Kafka's LogLoader (KAFKA-6264 for the split), so a broker and we see the same log.
 *
 * Readers use the answer in memory. A writer carries it out when it opens, under byte 0, in the order of the lists: `remove`
 * from first to last, then `rename`. Stopped at any point and begun again, it ends the same.
 */
import { parseSegmentFileName, type SegmentFileName, segmentFileKinds } from './names.ts'

/** The files of one segment by the names that they have now, which may end in `.swap`. */
export interface LoadedSegment {
  baseOffset: number
  log: string
  index?: string
  timeindex?: string
  txnindex?: string
}

export interface LoadOrder {
  /** Ascending. */
  segments: LoadedSegment[]
  /** What no longer counts; in the order in which it must go. */
  remove: string[]
  /** [from, to]; `to` may exist and is replaced. */
  rename: [from: string, to: string][]
}

interface Entry extends SegmentFileName {
  name: string
}

/**
 * `names`: all names in the folder, in any order. `nextOffsetOf` gives the offset behind the last batch of a `.log.swap` file, or
 * its base offset if it is empty; it is asked for those files only, so an undisturbed folder costs no read.
 */
export function resolveLoadOrder(names: Iterable<string>, nextOffsetOf: (swapLog: string) => number): LoadOrder {
  const { entries, deleted } = sortOut(names)
  const cleaned = entries.filter(entry => entry.state === 'cleaned')
  const lowestCleaned = lowestOf(cleaned)
  const swaps = entries.filter(entry => entry.state === 'swap')
  const unfinished = swaps.filter(entry => entry.baseOffset >= lowestCleaned)
  const finished = swaps.filter(entry => entry.baseOffset < lowestCleaned)

  const replaced = rangeOf(finished, nextOffsetOf)
  const inPlace = entries.filter(entry => entry.state === '')
  const isReplaced = (entry: Entry) => entry.baseOffset >= replaced.from && entry.baseOffset < replaced.until
  const kept = inPlace.filter(entry => !isReplaced(entry))

  const { segments, orphans } = assemble([...kept, ...finished])
  const orphanNames = new Set(orphans.map(entry => entry.name))
  return {
    segments,
    // What is unfinished goes before the .cleaned that proves it to be.
    remove: [...deleted, ...[...unfinished, ...cleaned, ...inPlace.filter(isReplaced), ...orphans].map(nameOf)],
    // The log first: while it is still .swap, files in place at its offset would count as replaced.
    rename: finished
      .filter(entry => !orphanNames.has(entry.name))
      .sort(
        (a, b) => a.baseOffset - b.baseOffset || segmentFileKinds.indexOf(a.kind) - segmentFileKinds.indexOf(b.kind),
      )
      .map(entry => [entry.name, entry.name.slice(0, -'.swap'.length)]),
  }
}

function nameOf(entry: Entry): string {
  return entry.name
}

/** Begins with an offset and a dot, and has an ending that says: no longer, or never, in use. */
const leftoverPattern = /^\d{20}\..*\.(?:deleted|tmp)$/

function sortOut(names: Iterable<string>): { entries: Entry[]; deleted: string[] } {
  const entries: Entry[] = []
  const deleted: string[] = []
  for (const name of [...names].sort()) {
    // Also `….log.swap.deleted`, and the temporary of a rebuilt index; but no file that a person put here.
    if (leftoverPattern.test(name)) {
      deleted.push(name)
      continue
    }
    const parsed = parseSegmentFileName(name)
    if (parsed !== undefined) entries.push({ ...parsed, name })
  }
  return { entries, deleted }
}

/** Infinity for none: then nothing lies at or above it. */
function lowestOf(entries: Entry[]): number {
  return entries.reduce((lowest, entry) => Math.min(lowest, entry.baseOffset), Number.POSITIVE_INFINITY)
}

/** The offsets that the finished `.swap` logs stand for; indexes alone stand for none. */
function rangeOf(finished: Entry[], nextOffsetOf: (swapLog: string) => number): { from: number; until: number } {
  const logs = finished.filter(entry => entry.kind === 'log')
  const until = logs.reduce((highest, entry) => Math.max(highest, nextOffsetOf(entry.name)), Number.NEGATIVE_INFINITY)
  return { from: lowestOf(logs), until }
}

/** Later entries take the place of earlier ones of the same offset and kind, as their rename will. */
function assemble(entries: Entry[]): { segments: LoadedSegment[]; orphans: Entry[] } {
  const segments = new Map<number, LoadedSegment>()
  for (const entry of entries) {
    if (entry.kind === 'log') segments.set(entry.baseOffset, { baseOffset: entry.baseOffset, log: entry.name })
  }
  const orphans: Entry[] = []
  for (const entry of entries) {
    if (entry.kind === 'log' || entry.kind === 'snapshot') continue
    const segment = segments.get(entry.baseOffset)
    if (segment === undefined) orphans.push(entry)
    else segment[entry.kind] = entry.name
  }
  return { segments: [...segments.values()].sort((a, b) => a.baseOffset - b.baseOffset), orphans }
}
