/** How requests are authenticated. What is chosen for a client holds for each request that does not choose otherwise. */
export type AuthenticateRequestOptions = {
  /** `pk_…`: names the cookies and the host of the Frontend API. Needed for requests without a token in `Authorization`. */
  publishableKey?: string;
  /** The instance's public key in PEM, in place of the key set of the service. */
  jwtKey?: string;
  /** Origins that a token may have been issued to (`azp`). When there are any, a token without `azp` is refused too. */
  authorizedParties?: string[];
  /** Audiences (`aud`), of which a token that has any must name one. */
  audience?: string | string[];
  /** How far the clocks of service and application may be apart. Default 5,000. */
  clockSkewInMs?: number;
  /** Where the Frontend API is reached instead of at its own host: a URL, or a path of the application. */
  proxyUrl?: string;
  /** The application is on another domain than the one where people sign in. */
  isSatellite?: boolean;
  /** The satellite's domain. */
  domain?: string;
  /** Where people sign in. A satellite in development needs it. */
  signInUrl?: string;
  /** Whether a browser without cookies is sent to the primary domain to see whether it is signed in there. */
  satelliteAutoSync?: boolean;
  signUpUrl?: string;
  afterSignInUrl?: string;
  afterSignUpUrl?: string;
  /** Paths that name the organization that a person works in, such as `/orgs/:slug/(.*)`. */
  organizationSyncOptions?: { organizationPatterns?: string[]; personalAccountPatterns?: string[] };
  /** Machines have no tokens here: `'any'` is the same as `'session_token'`. */
  acceptsToken?: 'session_token' | 'any';
};

/** The claims of a session token. */
export interface SessionClaims {
  iss: string;
  sub: string;
  sid: string;
  iat: number;
  nbf: number;
  exp: number;
  azp?: string;
  /** Minutes since the first and the second factor were proved; -1 for never. */
  fva?: [number, number];
  sts?: 'active' | 'pending';
  v?: 2;
  act?: { sub: string; [claim: string]: unknown };
  [claim: string]: unknown;
}

export type ReverificationConfig =
  | 'strict_mfa'
  | 'strict'
  | 'moderate'
  | 'lax'
  | { level: 'first_factor' | 'second_factor' | 'multi_factor'; afterMinutes: number };

/** All of what is asked for must hold. */
export type AuthorizationParams = {
  role?: string;
  permission?: string;
  feature?: string;
  plan?: string;
  reverification?: ReverificationConfig;
};

export type GetTokenOptions = { template?: string; expiresInSeconds?: number };

/** Somebody who is signed in. */
export interface SignedInAuth {
  tokenType: 'session_token';
  sessionClaims: SessionClaims;
  sessionId: string;
  sessionStatus: 'active' | 'pending' | null;
  userId: string;
  actor: { sub: string; [claim: string]: unknown } | undefined;
  orgId: string | undefined;
  orgRole: string | undefined;
  orgSlug: string | undefined;
  orgPermissions: string[] | undefined;
  factorVerificationAge: [number, number] | null;
  /** The token of the request; with a template or a life a new one. */
  getToken(options?: GetTokenOptions): Promise<string>;
  has(params: AuthorizationParams): boolean;
  debug(): Record<string, unknown>;
  isAuthenticated: true;
}

/** Nobody is signed in. */
export interface SignedOutAuth {
  tokenType: 'session_token';
  sessionClaims: null;
  sessionId: null;
  /** `pending`: somebody has not yet done all that the instance demands. */
  sessionStatus: 'pending' | null;
  userId: null;
  actor: null;
  orgId: null;
  orgRole: null;
  orgSlug: null;
  orgPermissions: null;
  factorVerificationAge: null;
  getToken(options?: GetTokenOptions): Promise<null>;
  has(params: AuthorizationParams): false;
  debug(): Record<string, unknown>;
  isAuthenticated: false;
}

interface AnyState {
  /** Headers that the answer to the request must carry. With `Location` among them its status is 307. */
  headers: Headers;
  proxyUrl: string;
  publishableKey: string;
  isSatellite: boolean;
  domain: string;
  signInUrl: string;
  signUpUrl: string;
  afterSignInUrl: string;
  afterSignUpUrl: string;
  tokenType: 'session_token';
}

export interface SignedInState extends AnyState {
  status: 'signed-in';
  reason: null;
  message: null;
  isSignedIn: true;
  isAuthenticated: true;
  token: string;
  /** A pending session counts as signed out, unless `treatPendingAsSignedOut` is false. */
  toAuth(options?: { treatPendingAsSignedOut?: boolean }): SignedInAuth | SignedOutAuth;
}

export interface SignedOutState extends AnyState {
  status: 'signed-out';
  /** As the official SDK names it, for example `session-token-and-uat-missing`. */
  reason: string;
  message: string;
  isSignedIn: false;
  isAuthenticated: false;
  token: null;
  toAuth(): SignedOutAuth;
}

/** Whether somebody is signed in is to be found out: answer 307 with the `headers`. */
export interface HandshakeState extends AnyState {
  status: 'handshake';
  reason: string;
  message: string;
  isSignedIn: false;
  isAuthenticated: false;
  token: null;
  toAuth(): null;
}

export type RequestState = SignedInState | SignedOutState | HandshakeState;

/** A request of Node's own server, such as Express has it. */
export interface NodeRequest {
  method?: string;
  url?: string;
  headers: Record<string, string | string[] | undefined>;
}

export type VerifyTokenOptions = Pick<
  AuthenticateRequestOptions,
  'jwtKey' | 'authorizedParties' | 'audience' | 'clockSkewInMs'
> & {
  /** For the key set of the service; not needed with `jwtKey`. */
  secretKey?: string;
  /** Default `https://api.clerk.com`, the hosted service. */
  apiUrl?: string;
};

/** The claims of a token of a session or of a JWT template; rejects with a {@link TokenVerificationError} if it is not good. */
export declare function verifyToken(token: string, options: VerifyTokenOptions): Promise<SessionClaims>;

/** A token that is not good. */
export declare class TokenVerificationError extends Error {
  private constructor(failure: unknown);
  /** As the official SDK names it, for example `token-expired`. */
  readonly reason: string;
  getFullMessage(): string;
}
