// Command zitadel is a real OpenID provider: zitadel's example, on a free loopback port instead of all interfaces. It takes
// the name test-user@localhost and the password verysecure, and prints where it listens, and as whom:
// {"address":"http://127.0.0.1:PORT","issuer":"..."}.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"

	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"
)

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	// With a slash at its end, as its authors have it, which not every relying party copes with.
	issuer := fmt.Sprintf("http://localhost:%d/", listener.Addr().(*net.TCPAddr).Port)
	storage.RegisterClients(storage.WebClient("app", "secret", "https://app.example/callback"))
	users := storage.NewStorage(storage.NewUserStore(issuer))
	handler := exampleop.SetupServer(issuer, users, slog.New(slog.NewTextHandler(os.Stderr, nil)), false)
	where := map[string]string{"address": "http://" + listener.Addr().String(), "issuer": issuer}
	if err := json.NewEncoder(os.Stdout).Encode(where); err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.Serve(listener, handler))
}
