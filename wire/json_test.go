package wire

import (
	"testing"
	"time"
)

func TestTime(t *testing.T) {
	for _, c := range []struct {
		at        time.Time
		json, xml string
	}{
		{time.Unix(1442877512, 0), "1442877512", "2015-09-21T23:18:32Z"},
		{time.UnixMilli(1538078988077), "1538078988.077", "2018-09-27T20:09:48Z"},
		{time.UnixMilli(1538078988100), "1538078988.1", "2018-09-27T20:09:48Z"},
		{time.Unix(1538078988, 999_999_999), "1538078988.999", "2018-09-27T20:09:48Z"},
		{time.Date(2026, 1, 1, 0, 0, 0, 0, time.FixedZone("", 3600)), "1767222000", "2025-12-31T23:00:00Z"},
		{time.Unix(0, 0), "0", "1970-01-01T00:00:00Z"},
	} {
		inJSON, _ := Time{c.at}.MarshalJSON()
		inXML, _ := Time{c.at}.MarshalText()
		if string(inJSON) != c.json || string(inXML) != c.xml {
			t.Errorf("%v is %s and %s, want %s and %s", c.at, inJSON, inXML, c.json, c.xml)
		}
	}
}
