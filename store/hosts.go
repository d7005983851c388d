package store

import (
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// wantPrimary has connections lead to the server that takes writes, where the URL names several and does not say which. Others
// are standbys: they refuse writes, and what they read may be of the past.
func wantPrimary(config *pgx.ConnConfig) {
	if config.ValidateConnect != nil { // target_session_attrs
		return
	}
	for _, other := range config.Fallbacks {
		if other.Host != config.Host || other.Port != config.Port { // and not the same one without TLS
			config.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
			return
		}
	}
}
