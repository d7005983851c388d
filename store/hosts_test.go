package store

import (
	"testing"

	"github.com/jackc/pgx/v5"
)

func TestWantPrimary(t *testing.T) {
	for url, wants := range map[string]bool{
		"postgres://a/db":                                       false,
		"postgres://a/db?sslmode=prefer":                        false, // the same server twice, with TLS and without
		"postgres://a,b/db":                                     true,
		"postgres://a:1,a:2/db?sslmode=disable":                 true,
		"postgres://a/db?target_session_attrs=read-write":       true,
		"postgres://a,b/db?target_session_attrs=prefer-standby": true, // what the URL says
	} {
		config, err := pgx.ParseConfig(url)
		if err != nil {
			t.Fatal(err)
		}
		if wantPrimary(config); (config.ValidateConnect != nil) != wants {
			t.Errorf("%s: a connection is looked at is %t", url, !wants)
		}
	}
}
