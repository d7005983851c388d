package identity

import (
	"slices"
	"time"
)

// Pool is one identity pool.
type Pool struct {
	Key     int64  // internal, random, 63 bits, never reused
	ID      ID     // unique in its region
	Account string // 12 digits
	Region  string
	Version int64 // another after every change to the pool
	Epoch   int64 // rises when the pool's sessions are revoked
	Created time.Time
	Settings
}

// FullID is the pool's id as the API writes it.
func (p *Pool) FullID() string { return p.ID.In(p.Region) }

// ARN is arn:aws:cognito-identity:REGION:ACCOUNT:identitypool/REGION:UUID.
func (p *Pool) ARN() string {
	return "arn:aws:cognito-identity:" + p.Region + ":" + p.Account + ":identitypool/" + p.FullID()
}

// Settings are what an operator chooses for a pool. They are stored as one JSON document; a field that is added must
// have a zero value that means what pools had before.
type Settings struct {
	Name          string            `json:"name"`
	AllowGuests   bool              `json:"allow_guests,omitempty"`
	ClassicFlow   *bool             `json:"classic_flow,omitempty"`   // nil: never said, which allows it
	Social        map[string]string `json:"social,omitempty"`         // domain -> app id (SupportedLoginProviders)
	Developer     string            `json:"developer,omitempty"`      // developer provider name; never changes once set
	OIDC          []string          `json:"oidc,omitempty"`           // ARNs of IAM OIDC providers, in the order given
	UserPools     []UserPool        `json:"user_pools,omitempty"`     // in the order given
	SAML          []string          `json:"saml,omitempty"`           // ARNs of IAM SAML providers
	Tags          map[string]string `json:"tags,omitempty"`           // resource tags
	Authenticated string            `json:"authenticated,omitempty"`  // role ARN of identities with a login
	Guest         string            `json:"guest,omitempty"`          // role ARN of identities without one
	RoleMappings  map[string]Mapper `json:"role_mappings,omitempty"`  // provider -> how a role is chosen
	PrincipalTags map[string]TagMap `json:"principal_tags,omitempty"` // provider -> claims that become tags
}

// UserPool is one client of one user pool that a pool trusts.
type UserPool struct {
	Provider        string `json:"provider"` // cognito-idp.REGION.amazonaws.com/POOLID
	ClientID        string `json:"client_id,omitempty"`
	ServerSideCheck *bool  `json:"server_side_check,omitempty"` // nil: never said
}

// Mapper chooses a role from a token (RoleMapping in the API).
type Mapper struct {
	Type      string `json:"type"`                // Token or Rules
	Ambiguous string `json:"ambiguous,omitempty"` // AuthenticatedRole or Deny
	Rules     []Rule `json:"rules,omitempty"`
}

// Rule is one line of a Mapper of type Rules.
type Rule struct {
	Claim string `json:"claim"`
	Match string `json:"match"` // Equals, NotEqual, StartsWith, Contains
	Value string `json:"value"`
	Role  string `json:"role"`
}

// TagMap says which claims become principal tags.
type TagMap struct {
	UseDefaults bool              `json:"use_defaults,omitempty"`
	Tags        map[string]string `json:"tags,omitempty"` // tag key -> claim name
}

// HasProviders tells whether anybody can sign in to the pool, guests aside.
func (s *Settings) HasProviders() bool {
	return len(s.Social)+len(s.OIDC)+len(s.UserPools)+len(s.SAML) > 0 || s.Developer != ""
}

// HasProvider tells whether a name is that of a provider whose tokens the pool takes: a domain, the ARN of an OIDC or SAML
// provider, a user pool.
func (s *Settings) HasProvider(name string) bool {
	return slices.Contains(s.OIDC, name) || slices.Contains(s.SAML, name) || s.Social[name] != "" ||
		slices.ContainsFunc(s.UserPools, func(u UserPool) bool { return u.Provider == name })
}

// Clients lists the clients of a user pool that the pool trusts.
func (s *Settings) Clients(userPool string) []string {
	var clients []string
	for _, u := range s.UserPools {
		if u.Provider == userPool && u.ClientID != "" {
			clients = append(clients, u.ClientID)
		}
	}
	return clients
}

// ChecksUsers tells whether users of a user pool are asked about at every sign-in (ServerSideTokenCheck) by one of the
// clients that a token is for.
func (s *Settings) ChecksUsers(userPool string, isFor func(client string) bool) bool {
	return slices.ContainsFunc(s.UserPools, func(u UserPool) bool {
		return u.Provider == userPool && isFor(u.ClientID) && u.ServerSideCheck != nil && *u.ServerSideCheck
	})
}

// Identity is one person, or one guest, in one pool.
type Identity struct {
	ID       ID
	Pool     int64 // the pool's key
	Created  time.Time
	Modified time.Time
	Disabled bool  // lost a merge, or its last login
	Epoch    int64 // rises when the identity's sessions are revoked
	Logins   []Login
}
