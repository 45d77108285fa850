// What the official SDK has in another shape than the wire, about signing in.

import type { Client, Cookies, Invitation, JwtTemplate, Token } from './objects';
import type {
  ClientOperations,
  CreateInvitationParams,
  InvitationOperations,
  JwtTemplateOperations,
  JwtTemplateParams,
  SessionOperations,
} from './operations';

/** What a refresh is asked with: its names are those of the wire. */
export type RefreshTokenParams = {
  expired_token: string;
  /** The value of the cookie `__refresh`. */
  refresh_token: string;
  /** The origin of the page that the browser asked for. */
  request_origin: string;
  /** The IP address of the browser. */
  request_originating_ip?: string;
  /** The headers of the browser's request. */
  request_headers?: Record<string, string[]>;
  /** The cookies come under both of their names. */
  suffixed_cookies?: boolean;
  /** Default `token`. */
  format?: 'token' | 'cookie';
};

/** Sessions, and their tokens. */
export interface Sessions extends SessionOperations {
  /** A token of the session, or of one of the instance's JWT templates. */
  getToken(sessionId: string, template?: string, expiresInSeconds?: number): Promise<Token>;
  /** A new token for an expired one. `authenticateRequest` does this by itself. */
  refreshSession(sessionId: string, params: RefreshTokenParams & { format: 'cookie' }): Promise<Cookies>;
  refreshSession(sessionId: string, params: RefreshTokenParams & { format?: 'token' }): Promise<Token>;
  refreshSession(sessionId: string, params: RefreshTokenParams): Promise<Token>;
}

/** Browsers and devices, with the sessions on each. */
export interface Clients extends ClientOperations {
  /** The client of the cookie `__client`. */
  verifyClient(token: string): Promise<Client>;
}

/** JWT templates. */
export interface JwtTemplates extends JwtTemplateOperations {
  /** What is left out has its default afterwards, except for the key. */
  update(params: JwtTemplateParams & { templateId: string }): Promise<JwtTemplate>;
}

/** Invitations to sign up. */
export interface Invitations extends InvitationOperations {
  /** 1 to 10 invitations, all or none. */
  createInvitationBulk(params: CreateInvitationParams[]): Promise<Invitation[]>;
}
