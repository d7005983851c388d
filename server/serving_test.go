package server_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"idpool/internal/pgtest"
	"idpool/pooltest"
	"idpool/server"
)

// The first line of a node that serves tells the kind of its database, and nothing of where that is.
func TestServingTellsTheDatabase(t *testing.T) {
	address, err := url.Parse(pgtest.Start(t)(t))
	if err != nil {
		t.Fatal(err)
	}
	address.User = url.UserPassword(address.User.Username(), "hunter2")
	for _, row := range []struct {
		database, replica string
		want              string
		hasReplica        any // nil: not told
	}{
		{"", "", "sqlite", nil},
		{address.String(), "", "postgres", nil},
		{address.String(), address.String(), "postgres", true},
	} {
		node := pooltest.Start(t, func(c *server.Config) {
			c.Database, c.DatabaseReplica, c.IssuerURL = row.database, row.replica, "http://127.0.0.1:1"
		})
		node.Stop()
		var found bool
		for line := range strings.Lines(node.Log.String()) {
			var entry pooltest.Object
			if json.Unmarshal([]byte(line), &entry) != nil || entry["msg"] != "serving" {
				continue
			}
			found = true
			if entry["database"] != row.want || entry["replica"] != row.hasReplica || strings.Contains(line, address.Host) {
				t.Errorf("want %s, replica %v, in: %s", row.want, row.hasReplica, line)
			}
		}
		if !found || strings.Contains(node.Log.String(), "hunter2") {
			t.Errorf("the log is:\n%s", node.Log)
		}
	}
}
