import type { Server } from '@grpc/grpc-js'
import type { Logger } from 'pino'
import type { Authenticator } from '../access/authenticate.ts'
import type { LiveContracts } from '../contracts/live.ts'
import type { Operations } from '../operations/operations.ts'
import type { Database } from '../storage/database.ts'
import { apiKeyService } from './api-key-service.ts'
import { metadataValue } from './call.ts'
import { ContractMethods } from './contract-methods.ts'
import { contractService } from './contract-service.ts'
import { toWireError } from './errors.ts'
import { createHealth } from './health.ts'
import { interceptors } from './interceptors.ts'
import { longRunningService } from './long-running-service.ts'
import { OpenCalls } from './open-calls.ts'
import { OperationReader } from './operation-reader.ts'
import { operationService } from './operation-service.ts'
import { addOwnService } from './own-methods.ts'
import { projectService } from './project-service.ts'
import { Readiness } from './readiness.ts'
import { addReflection } from './reflection.ts'
import { Submitter } from './submit/submitter.ts'
import { usageService } from './usage-service.ts'
import { OperationWatch } from './watch/operation-watch.ts'

export type RpcParts = {
  database: Database
  contracts: LiveContracts
  operations: Operations
  authenticator: Authenticator
  log: Logger
}

/** Puts everything that the server answers onto it: Deed's own services, health, reflection, and the published contracts. */
export function createRpc(server: Server, { database, contracts, operations, authenticator, log }: RpcParts) {
  const chain = [...interceptors(log, authenticator).values()]
  const open = new OpenCalls()
  const reader = new OperationReader(database.pool)
  const submitter = new Submitter(contracts, operations, reader, log)
  const watch = new OperationWatch(database.pool, contracts, log)
  const services = {
    'deed.v1.ContractService': contractService(database, contracts),
    'deed.v1.OperationService': operationService(database, contracts, submitter, watch),
    'deed.v1.ProjectService': projectService(database.pool),
    'deed.v1.ApiKeyService': apiKeyService(database),
    'deed.v1.UsageService': usageService(database.pool),
    'google.longrunning.Operations': longRunningService(database.pool, contracts, { operations, reader, open }),
  }
  for (const [name, methods] of Object.entries(services)) addOwnService(server, chain, open, name, methods)

  const health = createHealth(Object.keys(services))
  health.addTo(server)
  const reflection = addReflection(server, async (metadata) => {
    const authorization = metadataValue(metadata, 'authorization')
    if (authorization === undefined) return new Map()
    try {
      const { projectId } = await authenticator.authenticate(authorization)
      return new Map(contracts.ofProject(projectId).map(({ name, image }) => [name, image.registry]))
    } catch (error) {
      throw toWireError(error, log)
    }
  })
  const methods = new ContractMethods(server, { contracts, operations, submitter, chain, open })
  contracts.onChange = (names) => methods.update(names)
  const readiness = new Readiness(database.pool, () => operations.alive, health.setReady)

  return {
    /** Once the server listens: says that it is ready as soon as it is. */
    start: () => readiness.start(),
    /** Not serving any more; ends the streams and the waits that would keep the server open. */
    drain(): void {
      health.drain()
      reflection.close()
      open.close()
    },
    stop: () => readiness.stop(),
  }
}
