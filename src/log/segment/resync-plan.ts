import {
  BASE_OFFSET,
  BatchHeader,
  HEADER_SIZE_UP_TO_MAGIC,
  LEGACY_OVERHEAD_V0,
  MAGIC,
  RECORD_BATCH_OVERHEAD,
} from '../record/batch-header.ts'
import { findBatchCandidate } from '../record/find-batch.ts'
import { BatchScanner, type ScanOutcome } from './batch-scanner.ts'
import { readFully } from './read-fully.ts'

/** Whole, valid batches that follow each other without a byte between them, their offsets rising. */
export interface BatchChain {
  /** First byte, and the byte behind the last batch. */
  start: number
  end: number
  firstOffset: number
  lastOffset: number
}

export interface ResyncOptions {
  fd: number
  path: string
  /** Bytes of the file that count. */
  size: number
  /** First byte of the damage. */
  position: number
  /** Largest offset before the damage: what comes behind it lies above. -1 for none. */
  above: number
  /** Base offset of the next segment, where there is one: what is found lies below. */
  below?: number
  /** Positions that the segment's offset index names; gone over once, if at all. */
  indexPositions?: Iterable<number>
  /** Also look for message sets of magic 0 and 1, because the segment holds such. */
  legacy?: boolean
  /** Compaction may have taken batches out, so the one behind a batch need not have the next offset. */
  hasGaps?: boolean
}

/**
 * Why a chain is believed, best first: `named` by the header of the batch before it or by the index; it runs to the `end` of
 * the file, or up to a `torn` last batch; it runs up to `damage` that still looks like the batch that must follow. `nothing`: it ends
 * in bytes that are no batch at all.
 */
const beliefs = ['named', 'end', 'torn', 'damage', 'nothing'] as const
type Belief = (typeof beliefs)[number]

interface Claim {
  /** The byte behind the damaged batch. */
  end: number
  nextOffset: number
}

interface Candidate extends BatchChain {
  belief: Belief
  /** The chain without its last batch, of which only the base offset may be wrong: no CRC covers it. */
  endBeforeLast: number
  lastOffsetBeforeLast: number
}

const WINDOW_BYTES = 1 << 20
/** Bytes of failed CRC checks, in file sizes: crafted headers must not make the search quadratic. */
const WASTED_SIZES = 16
const MIN_WASTED_BYTES = 1 << 26
/** Three times what Kafka's default index (10 MiB) has room for: a damaged index may be of any size. */
const MAX_INDEXED = 1 << 22

/**
 * The chains of batches behind a damaged place that may be taken for the log's own, in file order.
 *
 * A valid CRC proves too little: a record's value may be a whole segment (`append --framing whole x.log`), and if the
 * batch around it is damaged, the batches inside turn up in a search. So a chain counts only if its offsets lie above what came
 * before the damage and below the chains behind it and the next segment, and only if something besides its CRCs speaks
 * for it: the header of the damaged batch, the index, or how the chain ends (`beliefs`). A chain inside a value ends in the
 * middle of a record, where nothing looks like the next batch.
 *
 * Worked: batches 0-9 | 10-19 with a broken length, and in a value of it a segment with 12-400 | 20-29 to the end of the file.
 * The search meets 12-400, which stops in bytes that are no batch: not believed. 20-29 runs to the end: the damage is
 * what lies between, and the lost offsets are 10-19.
 *
 * One pass over the rest of the file, for whatever number of damaged places: call it once, at the first of them.
 */
export function planResync(options: ResyncOptions): BatchChain[] {
  const candidates = new CandidateSearch(options).run()
  return choose(candidates, options.above, options.below ?? Number.POSITIVE_INFINITY)
}

class CandidateSearch {
  readonly #options: ResyncOptions
  readonly #scanner: BatchScanner
  readonly #header = new BatchHeader()
  readonly #headerBytes = Buffer.alloc(RECORD_BATCH_OVERHEAD)
  readonly #window: Buffer
  #indexed: Set<number> | undefined
  #wastedBytes = 0

  constructor(options: ResyncOptions) {
    this.#options = options
    const windowBytes = Math.min(WINDOW_BYTES, Math.max(options.size - options.position, RECORD_BATCH_OVERHEAD))
    this.#scanner = new BatchScanner(options.fd, options.path, options.position, windowBytes)
    this.#window = Buffer.allocUnsafe(windowBytes)
  }

  run(): Candidate[] {
    const { position, size, above } = this.#options
    const found: Candidate[] = []
    let lastOffset = above
    for (let at = position; at < size; ) {
      const chain = this.#next(at, lastOffset)
      if (typeof chain === 'number') {
        at = chain
        continue
      }
      if (chain === undefined) break
      found.push(chain)
      if (chain.belief === 'end') break
      at = chain.end
      lastOffset = chain.lastOffset
    }
    return found
  }

  /** The chain behind the damage at `at`, or where to go on looking. */
  #next(at: number, lastOffset: number): Candidate | number | undefined {
    this.#scanner.seek(at)
    if (this.#scanner.next() === 'batch') {
      // Its CRC is right, so its length is, and only its offsets or its leader epoch are not; or those before it were wrong.
      const end = this.#scanner.nextPosition
      const chain = (at > this.#options.position ? this.#chainAt(at) : undefined) ?? this.#chainAt(end)
      return chain === undefined ? end : { ...chain, belief: 'named' }
    }
    const claim = this.#claimAt(at, lastOffset + 1)
    return claim === undefined ? this.#search(at + 1) : this.#searchByClaim(at, claim)
  }

  /** What the damaged batch says of itself, if it is the one that must stand here and its fields make sense. */
  #claimAt(at: number, expectedOffset: number): Claim | undefined {
    const { size } = this.#options
    const header = this.#header
    if (size - at < RECORD_BATCH_OVERHEAD) return undefined
    const check = header.read(this.#readHeader(at), 0, size - at)
    if ((check !== 'whole' && check !== 'incomplete') || header.magic < 2) return undefined
    if (header.baseOffset !== expectedOffset) return undefined
    return { end: at + header.sizeInBytes, nextOffset: header.nextOffset }
  }

  /**
   * With such a header only a chain counts that begins where the batch ends or with the offset that comes next. So what a
   * value holds stays hidden, also when the batch around it is the last one and was torn. That either is enough is
   * because one flipped bit may have made the length span the batch behind too, or changed the last offset.
   */
  #searchByClaim(at: number, claim: Claim): Candidate | undefined {
    const { size, hasGaps = false } = this.#options
    const next = claim.end < size ? this.#chainAt(claim.end) : undefined
    if (next?.firstOffset === claim.nextOffset) return { ...next, belief: 'named' }
    for (let from = at + 1; ; ) {
      const chain = this.#search(from)
      if (chain === undefined) return undefined
      const { belief, start, firstOffset } = chain
      const isNext = firstOffset === claim.nextOffset || (hasGaps && firstOffset > claim.nextOffset)
      // Of a batch that is not all there the content may end anywhere, also where it looks like a torn log.
      const isBelieved = belief === 'end' || (claim.end <= size && belief !== 'nothing')
      if (belief === 'named' || start === claim.end || (isNext && isBelieved)) return { ...chain, belief: 'named' }
      from = chain.end
    }
  }

  #search(from: number): Candidate | undefined {
    const { size } = this.#options
    for (let position = from; ; ) {
      const length = this.#load(position)
      if (length < LEGACY_OVERHEAD_V0) return undefined
      let at = this.#nextCandidate(0, length)
      for (; at >= 0; at = this.#nextCandidate(at + 1, length)) {
        const chain = this.#fits(position + at) ? this.#chainAt(position + at) : undefined
        if (chain !== undefined) return chain
        if (this.#wastedBytes > Math.max(WASTED_SIZES * size, MIN_WASTED_BYTES)) return undefined
      }
      // The bytes that are too few for a header are looked at again, with what follows them.
      position += Math.max(length - RECORD_BATCH_OVERHEAD, 0) + 1
    }
  }

  /** Where in the window a header may be that this log could hold, or -1. */
  #nextCandidate(from: number, length: number): number {
    if (this.#options.legacy !== true) return findBatchCandidate(this.#window, from, length, this.#header)
    for (let at = from; at + LEGACY_OVERHEAD_V0 <= length; at++) {
      if (this.#window[at + MAGIC]! > 2) continue
      const check = this.#header.read(this.#window, at, length)
      if ((check === 'whole' || check === 'incomplete') && this.#header.baseOffset >= 0) return at
    }
    return -1
  }

  /** Fields that only the file can judge: the offsets and the size. */
  #fits(position: number): boolean {
    const { size, above, below = Number.POSITIVE_INFINITY } = this.#options
    const { sizeInBytes, baseOffset, lastOffset } = this.#header
    return baseOffset > above && lastOffset < below && position + sizeInBytes <= size
  }

  /** The bytes from here on; how many there are. */
  #load(position: number): number {
    const length = Math.max(Math.min(this.#window.length, this.#options.size - position), 0)
    return readFully(this.#options.fd, this.#options.path, this.#window, 0, position, length)
  }

  /** The bytes where a header should be; zeros behind the end of the file. */
  #readHeader(position: number): Buffer {
    const { fd, path, size } = this.#options
    const length = Math.max(Math.min(RECORD_BATCH_OVERHEAD, size - position), 0)
    return this.#headerBytes.fill(0, readFully(fd, path, this.#headerBytes, 0, position, length))
  }

  /** The chain that begins with a valid batch at this place. */
  #chainAt(start: number): Candidate | undefined {
    const { above, below = Number.POSITIVE_INFINITY } = this.#options
    const scanner = this.#scanner
    scanner.seek(start)
    const chain: Candidate = {
      start,
      end: start,
      firstOffset: -1,
      lastOffset: above,
      belief: 'nothing',
      endBeforeLast: start,
      lastOffsetBeforeLast: above,
    }
    let isNamed = false
    let outcome = scanner.next()
    while (outcome === 'batch') {
      const { header } = scanner
      if (header.baseOffset <= chain.lastOffset || header.lastOffset >= below) break
      if (chain.firstOffset < 0) chain.firstOffset = header.baseOffset
      chain.endBeforeLast = chain.end
      chain.lastOffsetBeforeLast = chain.lastOffset
      chain.lastOffset = header.lastOffset
      chain.end = scanner.nextPosition
      isNamed ||= this.#isIndexed(scanner.filePosition)
      outcome = scanner.next()
    }
    if (chain.end === start) {
      if (outcome === 'crc') this.#wastedBytes += scanner.header.sizeInBytes
      return undefined
    }
    chain.belief = isNamed ? 'named' : this.#beliefAtEnd(outcome, chain)
    return chain
  }

  #beliefAtEnd(outcome: ScanOutcome, chain: Candidate): Belief {
    const left = this.#options.size - chain.end
    if (left <= 0) return 'end'
    // One zero byte is also what stands behind the last value of a record without headers.
    if (outcome === 'zeros') return left >= RECORD_BATCH_OVERHEAD ? 'end' : 'nothing'
    if (left < HEADER_SIZE_UP_TO_MAGIC) return 'nothing'
    const bytes = this.#readHeader(chain.end)
    const isNext = bytes.readBigInt64BE(BASE_OFFSET) === BigInt(chain.lastOffset + 1)
    if (outcome === 'incomplete') return isNext ? 'torn' : 'nothing'
    const isZeroed = bytes.every(byte => byte === 0)
    // A whole batch stops a chain by its offsets alone; the length of the one before was right then.
    return isNext || isZeroed || outcome === 'batch' ? 'damage' : 'nothing'
  }

  #isIndexed(position: number): boolean {
    this.#indexed ??= indexedBehind(this.#options)
    return this.#indexed.has(position)
  }
}

function indexedBehind({ indexPositions = [], position }: ResyncOptions): Set<number> {
  const behind = new Set<number>()
  for (const indexed of indexPositions) {
    if (indexed > position) behind.add(indexed)
    if (behind.size === MAX_INDEXED) break
  }
  return behind
}

/** Takes the best believed chains first, then the others as far as their offsets fit between those. */
function choose(candidates: Candidate[], above: number, below: number): BatchChain[] {
  const taken = new Array<boolean>(candidates.length).fill(false)
  for (const belief of beliefs.slice(0, -1)) {
    const floors = floorsOf(candidates, taken, above)
    let ceiling = below
    for (let i = candidates.length - 1; i >= 0; i--) {
      const chain = candidates[i]!
      if (!taken[i] && chain.belief === belief) taken[i] = fitsBetween(chain, floors[i]!, ceiling)
      if (taken[i]) ceiling = chain.firstOffset
    }
  }
  return candidates.filter((_, i) => taken[i])
}

/** For each candidate the last offset of the nearest taken chain before it. */
function floorsOf(candidates: Candidate[], taken: boolean[], above: number): number[] {
  let floor = above
  return candidates.map((chain, i) => {
    const own = floor
    if (taken[i]) floor = chain.lastOffset
    return own
  })
}

/** Whether the chain's offsets fit, if need be without its last batch. */
function fitsBetween(chain: Candidate, floor: number, ceiling: number): boolean {
  if (chain.firstOffset <= floor) return false
  if (chain.lastOffset < ceiling) return true
  if (chain.endBeforeLast === chain.start || chain.lastOffsetBeforeLast >= ceiling) return false
  chain.end = chain.endBeforeLast
  chain.lastOffset = chain.lastOffsetBeforeLast
  return true
}
