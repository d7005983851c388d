package cognito

import "idpool/wire"

// AdminAPI is what this package adds to the table of idpool's own operations (iam.AdminAPI): rows and shapes.
func (s *Service) AdminAPI() *wire.Service {
	known := shapes()
	own := wire.Shapes{
		"roleNameType": {Min: 1, Max: 64, Pattern: `[\w+=,.@-]+`}, // IAM's, of users too
		"Action":       {Min: 3, Max: 192, Pattern: `[A-Za-z0-9-]+:[A-Za-z0-9_-]+`},
		"Resource":     {Min: 1, Max: 2048},
		"Context":      {Max: 100, Key: "ContextKey", Member: "ContextValues"},
		"ContextKey":   {Min: 1, Max: 256}, "ContextValues": {Max: 100, Member: "ContextValue"}, "ContextValue": {Max: 2048},
	}
	for _, name := range []string{
		"IdentityId", "IdentityPoolId", "ARNString", "LoginsMap", "IdentityProviderName", "IdentityProviderToken",
	} {
		own[name] = known[name]
	}
	return &wire.Service{Shapes: own, Operations: []wire.Operation{
		wire.Signed("ExplainAccess", s.ExplainAccess),
		wire.Signed("ExplainCredentials", s.ExplainCredentials),
		wire.Signed("RevokeSessions", s.RevokeSessions),
	}}
}
