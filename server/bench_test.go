package server_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"idpool/pooltest"
	"idpool/server"
)

// benchClient is the client of BenchmarkQuick, which leaves most of the machine to the server.
const benchClient = "this process, over connections that stay open, one request at a time on each, written and read as bytes"

const (
	benchConnections = 16
	benchTarget      = 0.45 // of the bare handler's requests per second: what calls with a token that was seen before must reach
	benchRequests    = 6000 // a round of calls whose token was seen before, or that show none
	benchFresh       = 2000 // a round of calls with a new token each
	benchRounds      = 5    // of each server, in turn; the median counts
)

// BenchmarkQuick measures the hot calls as requests per second, and as a ratio to a bare net/http handler that decodes the
// same request and encodes the same reply. Both run in this process, in turn; the log is written to /dev/null.
func BenchmarkQuick(b *testing.B) {
	devNull, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer devNull.Close()
	node := pooltest.Start(b, func(c *server.Config) { c.Log = slog.New(slog.NewJSONHandler(devNull, nil)) })
	idp := pooltest.NewProvider(b)
	idp.Now = node.Clock.Now
	pool := node.Pool(b, idp)
	logins := pooltest.Object{idp.Name(): idp.Token("app", "alice")}
	id := node.Public(b, "GetId", pooltest.Object{"IdentityPoolId": pool, "Logins": logins}).Must(b).Object(b)["IdentityId"]
	getID := func(logins pooltest.Object) pooltest.Object {
		return pooltest.Object{"IdentityPoolId": pool, "Logins": logins}
	}
	getCredentials := func(logins pooltest.Object) pooltest.Object {
		return pooltest.Object{"IdentityId": id, "Logins": logins}
	}
	seen := func(pooltest.Object) pooltest.Object { return logins }
	fresh := func(n int) func(pooltest.Object) pooltest.Object {
		tokens := freshTokens(idp, n)
		return func(pooltest.Object) pooltest.Object {
			token := tokens[0]
			tokens = tokens[1:]
			return pooltest.Object{idp.Name(): token}
		}
	}
	fmt.Printf("client: %s; %d connections\n", benchClient, benchConnections)
	for i, bench := range []struct {
		name, operation string
		in              func(pooltest.Object) pooltest.Object
		logins          func(n int) func(pooltest.Object) pooltest.Object
		requests        int
	}{
		{"GetId/token=seen", "GetId", getID, func(int) func(pooltest.Object) pooltest.Object { return seen }, benchRequests},
		{"GetCredentialsForIdentity/token=seen", "GetCredentialsForIdentity", getCredentials, func(int) func(pooltest.Object) pooltest.Object { return seen }, benchRequests},
		{"GetId/guest=new", "GetId", func(pooltest.Object) pooltest.Object { return pooltest.Object{"IdentityPoolId": pool} }, func(int) func(pooltest.Object) pooltest.Object { return seen }, benchRequests},
		{"GetId/token=new", "GetId", getID, fresh, benchFresh},
		{"GetCredentialsForIdentity/token=new", "GetCredentialsForIdentity", getCredentials, fresh, benchFresh},
	} {
		ratio := 0.0
		b.Run(bench.name, func(b *testing.B) {
			next := bench.logins(bench.requests * benchRounds)
			requests := func() [][]byte {
				all := make([][]byte, bench.requests)
				for i := range all {
					all[i] = rawRequest(b, node, bench.operation, bench.in(next(nil)))
				}
				return all
			}
			reply := node.Public(b, bench.operation, bench.in(logins)).Must(b).Body
			bare := httptest.NewServer(bareHandler(reply))
			defer bare.Close()
			var ours, floor, ratios []float64
			for i := range benchRounds {
				round := requests()
				floor = append(floor, rate(b, bare.Listener.Addr().String(), round))
				ours = append(ours, rate(b, strings.TrimPrefix(node.URL, "http://"), round))
				ratios = append(ratios, ours[i]/floor[i]) // of neighbours, whatever else the machine does meanwhile
			}
			b.ReportMetric(median(ours), "req/s")
			b.ReportMetric(median(floor), "bare-req/s")
			ratio = median(ratios)
			b.ReportMetric(ratio, "ratio")
			b.ReportMetric(benchConnections, "connections")
			b.ReportMetric(0, "ns/op")
		})
		if i < 2 && tooSlow(ratio) { // the two of a token that was seen before
			fmt.Printf("WARNING: %s has a ratio of %.2f, and should have %.2f or more\n", bench.name, ratio, benchTarget)
		}
	}
}

// tooSlow tells whether a ratio that was measured is to be warned of. 0 was not measured.
func tooSlow(ratio float64) bool { return ratio > 0 && ratio < benchTarget }

func TestTooSlow(t *testing.T) {
	for ratio, want := range map[float64]bool{0: false, 0.2: true, 0.449: true, benchTarget: false, 1: false} {
		if got := tooSlow(ratio); got != want {
			t.Errorf("a ratio of %v is too slow: %t", ratio, got)
		}
	}
}

// freshTokens signs tokens that differ in their jti, on all cores.
func freshTokens(idp *pooltest.Provider, n int) []string {
	tokens := make([]string, n)
	var signing sync.WaitGroup
	const workers = 4
	for w := range workers {
		signing.Go(func() {
			for i := w; i < n; i += workers {
				claims := idp.Claims("app", "alice")
				claims["jti"] = strconv.Itoa(i)
				tokens[i] = idp.Sign(claims)
			}
		})
	}
	signing.Wait()
	return tokens
}

func rawRequest(b *testing.B, node *pooltest.Node, operation string, in any) []byte {
	b.Helper()
	r, _ := node.JSON(b, "AWSCognitoIdentityService."+operation, in)
	var raw bytes.Buffer
	if err := r.Write(&raw); err != nil {
		b.Fatal(err)
	}
	return raw.Bytes()
}

// bareHandler decodes the request into a struct and encodes a struct as its reply, and does nothing else.
func bareHandler(reply []byte) http.Handler {
	var out struct {
		IdentityId  string
		Credentials *struct {
			AccessKeyId  string
			Expiration   float64
			SecretKey    string
			SessionToken string
		} `json:",omitempty"`
	}
	if err := json.Unmarshal(reply, &out); err != nil {
		panic(err)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(err)
		}
		var in struct {
			IdentityPoolId, IdentityId string
			Logins                     map[string]string
		}
		if err := json.Unmarshal(body, &in); err != nil {
			panic(err)
		}
		b, err := json.Marshal(out)
		if err != nil {
			panic(err)
		}
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		w.Header().Set("Content-Length", strconv.Itoa(len(b)))
		_, _ = w.Write(b)
	})
}

// rate sends each request once, over benchConnections connections, and returns requests per second.
func rate(b *testing.B, address string, requests [][]byte) float64 {
	b.Helper()
	var sending sync.WaitGroup
	errs := make(chan error, benchConnections)
	start := time.Now()
	for i := range benchConnections {
		sending.Go(func() { errs <- send(address, requests, i) })
	}
	sending.Wait()
	took := time.Since(start)
	close(errs)
	for err := range errs {
		if err != nil {
			b.Fatal(err)
		}
	}
	return float64(len(requests)) / took.Seconds()
}

// send is one connection: it takes every benchConnections-th request.
func send(address string, requests [][]byte, first int) error {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	for i := first; i < len(requests); i += benchConnections {
		if _, err := conn.Write(requests[i]); err != nil {
			return err
		}
		if err := skipReply(in); err != nil {
			return err
		}
	}
	return nil
}

func skipReply(in *bufio.Reader) error {
	status, err := in.ReadSlice('\n')
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(status, []byte("HTTP/1.1 200 ")) {
		return fmt.Errorf("reply: %s", status)
	}
	length := 0
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return err
		}
		if len(line) <= 2 {
			break
		}
		if value, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return err
			}
		}
	}
	_, err = in.Discard(length)
	return err
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}
