package wire

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
)

// harmless is a mux whose operations never fail by themselves, and answer with what they were asked.
func harmless(observe func(*Call)) *Mux {
	echo := func(_ context.Context, in *order) (*order, error) { return in, nil }
	keep := func(context.Context, *vault) (*Nothing, error) { return nil, nil }
	return NewMux(verifierAt(testTime), observe,
		&Service{
			Name: "pets", Target: "PetService", Shapes: orderShapes,
			Operations: []Operation{Public("Meet", meet), Public("Order", echo), Public("Keep", keep), Signed("Whoami", whoami)},
		},
		&Service{
			Name: "garage", Version: "2010-05-08", Namespace: garageSpace, Shapes: orderShapes,
			Operations: []Operation{Public("Look", look), Public("Repair", repair), Public("Wash", leave), Signed("Whoami", whoami)},
		},
		depot())
}

// No request is answered with a 5xx or a broken reply, makes an operation panic, or costs more than it is worth.
func FuzzMux(f *testing.F) {
	seed := func(r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		f.Add(r.Method, r.URL.RequestURI()[1:], r.Header.Get("X-Amz-Target"), r.Header.Get("Content-Type"), r.Header.Get("Authorization"), body)
	}
	for _, r := range []*http.Request{
		petCall("Meet", rex),
		petCall("Meet", `{"Name":"`+strings.Repeat("x", 2000)+`"}`),
		petCall("Order", `{"Gift":true,"Count":1,"Words":["ab"],"Grid":[["ab"]],"Notes":{"ab":""},"Lines":[{"ItemId":"ab"}],"Stores":{"a":{"City":"ab"}}}`),
		petCall("Order", `{"Word":"\u00e4😀","Count":1e3,"Words":[null],"Notes":{"A":"long"},"Lines":[{},{}],"Stores":{"":{"Nearby":[{"streetName":"?"}]}}}`),
		petCall("Order", `{"Word":1,"Word":[]}`),
		petCall("Keep", `{"Key":"hush!","Keys":["x"],"Doors":{"x":{}},"Nested":{"x":[["x"]]},"Number":9}`),
		petCall("Keep", `[]`),
		petCall("Nod", ``),
		with(petCall("Meet", rex), "X-Amz-Target", "a.b.PetService.Meet"),
		with(petCall("Meet", rex), "Content-Type", "application/json; charset=utf-8"),
		with(petCall("Meet", rex), "Content-Type", "text/plain"),
		signed(petCall("Whoami", `{}`), "pets"),
		inURL(petCall("Order", ""), "Word=ab&Count=5&Gift=True&X-Amz-Expires=60&Nobody=knows"),
		inURL(petCall("Order", ""), "Words=ab&Notes=%7B%7D&Lines=&Home=x&Count=0x1&Change=1e3"),
		inURL(petCall("Order", ""), "Word=%ff&Word=;&%zz"),
		signed(inURL(petCall("Whoami", ""), "a=b"), "pets"),
		garageCall("Look"),
		garageCall("Repair&Car=audi&Urgent=true&Hours=3&Parts.member.1=door&Tags.member.1.Key=ab&Owner.name=Ann&Grid.member.1.member.1=ab"),
		garageCall("Repair&Car=%00&Urgent=%ff&Hours=0x1&Parts.member.2=&Tags.member.1=&Owner=&Grid.member.1=x"),
		formCall("Action=Wash&Action=Wash"),
		formCall("Action=%3C%00%3E&Version=%F0%9F%98%80"),
		urlCall(http.MethodGet, garageAction+"Wash"),
		urlCall(http.MethodGet, "Action=Wash;x=%zz"),
		presignedCall().call().Request,
		signed(garageCall("Whoami"), "garage"),
	} {
		seed(r)
	}
	var told *Call
	m := harmless(func(c *Call) { told = c })
	f.Fuzz(func(t *testing.T, method, path, target, contentType, authorization string, body []byte) {
		r, err := http.NewRequest(method, "http://toys.example.com/"+path, bytes.NewReader(body))
		if err != nil {
			return // no client can send it
		}
		with(r, "X-Amz-Date", testTime.Format(sigTimeFormat))
		for key, value := range map[string]string{"X-Amz-Target": target, "Content-Type": contentType, "Authorization": authorization} {
			if value != "" {
				with(r, key, value)
			}
		}
		w := httptest.NewRecorder()
		m.ServeHTTP(w, r)
		if told.Panic != "" || w.Code >= http.StatusInternalServerError || told.Status != w.Code {
			t.Fatalf("%d, %+v: %s", w.Code, told, told.Panic)
		}
		if w.Code != http.StatusOK && w.Body.Len() > 1<<20 {
			t.Fatalf("a refusal of %d bytes", w.Body.Len())
		}
		checkReply(t, w)
	})
}

func inURL(r *http.Request, query string) *http.Request { r.URL.RawQuery = query; return r }

func checkReply(t *testing.T, w *httptest.ResponseRecorder) {
	h, body := w.Header(), w.Body.Bytes()
	if h.Get("Content-Length") != strconv.Itoa(len(body)) || h.Get("X-Amzn-Requestid") == "" {
		t.Fatalf("%v, of %d bytes", h, len(body))
	}
	switch contentType := h.Get("Content-Type"); contentType {
	case xmlType:
		if err := wellFormed(body); err != nil {
			t.Fatalf("%v: %s", err, body)
		}
	case jsonType, "application/json":
		checkJSON(t, w.Code, h, body)
	default:
		t.Fatalf("content type %q", contentType)
	}
}

// checkJSON checks a reply of JSON 1.1, and its headers if it is a refusal.
func checkJSON(t *testing.T, status int, h http.Header, body []byte) {
	if status == http.StatusOK && len(body) == 0 {
		return
	}
	var reply map[string]any
	if err := json.Unmarshal(body, &reply); err != nil || body[0] != '{' || body[len(body)-1] != '}' {
		t.Fatalf("%v: %s", err, body)
	}
	code, _ := reply["__type"].(string)
	if status == http.StatusOK {
		return
	}
	message := h.Get("X-Amzn-Errormessage")
	if h.Get("X-Amzn-Errortype") != code+":" || code == "" || len(message) > 1024 {
		t.Fatalf("%v: %s", h, body)
	}
	if strings.ContainsFunc(message, func(r rune) bool { return r < ' ' || r > '~' }) {
		t.Fatalf("x-amzn-ErrorMessage is %q", message)
	}
}
