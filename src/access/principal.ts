/** What a principal may do in its project: the values of `deed.v1.Role`, in lower case. */
export type Role = 'admin' | 'publisher' | 'caller' | 'viewer'

/** Who calls. */
export type Principal = { keyId: string; projectId: string; role: Role }
