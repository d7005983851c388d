package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"idpool/iam"
	"idpool/server"
	"idpool/wire"
)

// whereFlags say which node a command asks.
type whereFlags struct {
	Data     string `default:"idpool-data" placeholder:"DIR" help:"Data directory of the running node (${default})."`
	Endpoint string `placeholder:"URL" help:"Ask this node instead, signed with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and AWS_SESSION_TOKEN if it is set."`
}

// nodeFlags say in whose name as well. Those have no variables: IDPOOL_ACCOUNT is for serve, and what a shell happens to hold
// should not decide whose sessions end.
type nodeFlags struct {
	whereFlags
	Account string `env:"-" placeholder:"ID" help:"The account; the first one of the node if not given. With --endpoint it is the key's."`
	Region  string `env:"-" placeholder:"REGION" help:"The region; by default that of the id that is given, or ${defaultRegion}."`
}

const defaultRegion = "us-east-1"

// node is the node that the flags mean, for a command about an id, which may be empty.
func (f *nodeFlags) node(id string) (*node, error) {
	if f.Account != "" && !iam.ValidAccount(f.Account) {
		return nil, &server.UsageError{Message: "--account " + f.Account + ": an account has 12 digits, such as 000000000000"}
	}
	if f.Account != "" && f.Endpoint != "" {
		return nil, &server.UsageError{Message: "--account goes without --endpoint, where the account is that of the key"}
	}
	region, _, found := strings.Cut(id, ":")
	if !found {
		region = ""
	}
	return &node{
		data: f.Data, endpoint: f.Endpoint, account: f.Account, region: cmp.Or(f.Region, region, defaultRegion), needs: "a key of the account",
	}, nil
}

// node is a running node as other commands reach it: by the socket in its data directory, or by a signed call.
type node struct {
	data     string
	endpoint string
	account  string // by the socket; empty is the first
	region   string
	needs    string // whose key signs, for who has given none
}

const callTimeout = 30 * time.Second

func (n *node) call(ctx context.Context, operation string, in, out any) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	url, client := n.endpoint, http.DefaultClient
	if url == "" {
		url, client = "http://idpool/", n.socketClient()
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", "IdpoolAdmin."+operation)
	if n.endpoint != "" {
		key := wire.Key{Secret: os.Getenv("AWS_SECRET_ACCESS_KEY"), Caller: wire.Caller{AccessKeyID: os.Getenv("AWS_ACCESS_KEY_ID")}}
		if key.Secret == "" || key.Caller.AccessKeyID == "" {
			return errors.New("set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to " + n.needs)
		}
		if session := os.Getenv("AWS_SESSION_TOKEN"); session != "" {
			r.Header.Set("X-Amz-Security-Token", session)
		}
		wire.Sign(r, body, key, cmp.Or(n.region, defaultRegion), "idpool", time.Now())
	} else {
		r.Header.Set(server.SocketAccount, n.account)
		r.Header.Set(server.SocketRegion, n.region)
	}
	reply, err := client.Do(r)
	if err != nil {
		hint := "is idpool serve running, with the same --data?"
		if n.endpoint != "" {
			hint = "is idpool serve running there?"
		}
		return fmt.Errorf("no node answers: %w; %s", err, hint)
	}
	defer func() { _ = reply.Body.Close() }()
	return readReply(reply, out)
}

func (n *node) socketClient() *http.Client {
	return &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", filepath.Join(n.data, server.SocketName))
		},
	}}
}

func readReply(reply *http.Response, out any) error {
	body, err := io.ReadAll(io.LimitReader(reply.Body, wire.MaxBody))
	if err != nil {
		return err
	}
	if reply.StatusCode == http.StatusOK {
		if out == nil {
			return nil
		}
		return json.Unmarshal(body, out)
	}
	var refused struct {
		Type    string `json:"__type"`
		Message string `json:"message"`
	}
	if err := json.Unmarshal(body, &refused); err != nil {
		return fmt.Errorf("the node answered %s", reply.Status)
	}
	return fmt.Errorf("%s: %s", refused.Type, refused.Message)
}
