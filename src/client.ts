import type { ServiceError } from '@grpc/grpc-js'
import { Status } from '../gen/google/rpc/status.ts'
import { readStatus, type StatusDetails } from './errors/status-details.ts'

// What programs import as `deed/client`: Deed's own API for grpc-js, and what errors of Deed say. A contract's own client is
// generated from its .proto, and shares these.

export {
  type CallOptions,
  ChannelCredentials,
  credentials,
  Metadata,
  type ServiceError,
  status as statusCode,
} from '@grpc/grpc-js'
export { type ApiKey, Role } from '../gen/deed/v1/api_key.ts'
export {
  ApiKeyServiceClient,
  ApiKeyServiceService,
  CreateApiKeyRequest,
  CreateApiKeyResponse,
  ListApiKeysRequest,
  ListApiKeysResponse,
  RevokeApiKeyRequest,
  RevokeApiKeyResponse,
} from '../gen/deed/v1/api_key_service.ts'
export type { Contract, ContractMethod, ContractVersion } from '../gen/deed/v1/contract.ts'
export {
  ActivateContractVersionRequest,
  ActivateContractVersionResponse,
  ContractServiceClient,
  ContractServiceService,
  DeleteContractRequest,
  DeleteContractResponse,
  GetContractRequest,
  GetContractResponse,
  ListContractsRequest,
  ListContractsResponse,
  ListContractVersionsRequest,
  ListContractVersionsResponse,
  PublishContractRequest,
  PublishContractResponse,
} from '../gen/deed/v1/contract_service.ts'
export { ErrorReason } from '../gen/deed/v1/error_reason.ts'
export { type Completion, CompletionOutcome, Operation, OperationState } from '../gen/deed/v1/operation.ts'
export {
  GetOperationRequest,
  GetOperationResponse,
  ListOperationsRequest,
  ListOperationsResponse,
  OperationServiceClient,
  OperationServiceService,
} from '../gen/deed/v1/operation_service.ts'
export type { Any } from '../gen/google/protobuf/any.ts'
export type { Duration } from '../gen/google/protobuf/duration.ts'
export type { Timestamp } from '../gen/google/protobuf/timestamp.ts'
export {
  BadRequest,
  ErrorInfo,
  PreconditionFailure,
  QuotaFailure,
  RetryInfo,
} from '../gen/google/rpc/error_details.ts'
export { Status } from '../gen/google/rpc/status.ts'
export type { StatusDetails } from './errors/status-details.ts'

/**
 * What an error of a call says: code, reason, violations, when to try again. Undefined when nobody explained it, such as a
 * connection that broke or a deadline that passed at the caller.
 */
export function readError(error: ServiceError): StatusDetails | undefined {
  const [details] = error.metadata.get('grpc-status-details-bin')
  if (!Buffer.isBuffer(details)) return undefined
  try {
    const status = Status.decode(details)
    return status.code === 0 ? undefined : readStatus(status) // no error is OK: these are other bytes
  } catch {
    return undefined // not Deed's, but of something between it and the caller
  }
}
