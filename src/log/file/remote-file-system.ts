import { statfsSync } from 'node:fs'

/** File systems whose locks may end at the host, by the number that statfs has for them on Linux. */
const remoteFileSystems = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xff534d42, 'SMB'],
  [0xfe534d42, 'SMB'],
  [0x01021997, '9p'],
  [0x65735546, 'FUSE'],
])

/** What the folder lies on, if that may not carry our locks from host to host; undefined for a local disk, and where nobody can tell. */
export function remoteFileSystem(path: string): string | undefined {
  if (process.platform !== 'linux') return undefined
  try {
    return remoteFileSystems.get(statfsSync(path).type)
  } catch {
    return undefined
  }
}
