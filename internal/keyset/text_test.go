package keyset

import (
	"encoding/hex"
	"testing"
)

func TestText(t *testing.T) {
	tests := []struct {
		name string
		oid  uint32
		hex  string
		want string
	}{
		{"bool", 16, "01", "t"},
		{"bytea", 17, "00ff", `\x00ff`},
		{"int2", 21, "fffe", "-2"},
		{"int4", 23, "80000000", "-2147483648"},
		{"int8", 20, "7fffffffffffffff", "9223372036854775807"},
		{"oid", 26, "ffffffff", "4294967295"},
		{"text", 25, "c3bc", "ü"},
		{"float4", 700, "3dcccccd", "0.1"},
		{"float8", 701, "3fb999999999999a", "0.1"},
		{"float8 NaN", 701, "7ff8000000000000", "NaN"},
		{"float8 -Infinity", 701, "fff0000000000000", "-Infinity"},
		{"uuid", 2950, "00112233445566778899aabbccddeeff", "00112233-4455-6677-8899-aabbccddeeff"},
		{"macaddr", 829, "08002b010203", "08:00:2b:01:02:03"},
		{"inet", 869, "02180004c0000201", "192.0.2.1/24"},
		{"bit", 1560, "00000003a0", "101"},
		{"jsonb", 3802, "017b7d", "{}"},
		{"pg_lsn", 3220, "0000001600b374d8", "16/B374D8"},
		{"date", 1082, "00000000", "2000-01-01"},
		{"date BC", 1082, "fff4dbf8", "0001-12-31 BC"},
		{"date infinity", 1082, "7fffffff", "infinity"},
		{"time 24:00", 1083, "000000141dd76000", "24:00:00.000000"},
		{"timestamp", 1114, "ffffffffffffffff", "1999-12-31 23:59:59.999999"},
		{"timestamptz", 1184, "0000000000000001", "2000-01-01 00:00:00.000001+00"},
		{"timestamptz -infinity", 1184, "8000000000000000", "-infinity"},
		{"timetz", 1266, "0000000000000000ffffc7c0", "00:00:00.000000+04:00:00"},
		{"interval", 1186, "ffffffffffffffff00000002fffffffd", "-3 mons +2 days -00:00:00.000001"},
		{"numeric 0", 1700, "0000000000000000", "0"},
		{"numeric 0.00", 1700, "0000000000000002", "0.00"},
		{"numeric -12345.6780", 1700, "0003000140000004000109291a7c", "-12345.6780"},
		{"numeric 10^8", 1700, "00010002000000000001", "100000000"},
		{"numeric 0.00010", 1700, "0001ffff000000050001", "0.00010"},
		{"numeric NaN", 1700, "00000000c0000000", "NaN"},
		{"numeric Infinity", 1700, "00000000d0000020", "Infinity"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b, err := hex.DecodeString(tt.hex)
			if err != nil {
				t.Fatal(err)
			}
			if got, ok := Text(tt.oid, b); !ok || got != tt.want {
				t.Errorf("Text(%d, %x) = %q, %t, want %q", tt.oid, b, got, ok, tt.want)
			}
		})
	}
}

func FuzzText(f *testing.F) {
	for oid := range binaryTypes {
		f.Add(oid, []byte{0, 1, 0xff, 0xff, 0, 0, 0, 2, 0, 1})
	}
	f.Fuzz(func(t *testing.T, oid uint32, b []byte) {
		s, ok := Text(oid, b)
		if !ok && s != "" {
			t.Errorf("Text(%d, %x) = %q with false", oid, b, s)
		}
	})
}

func TestChar(t *testing.T) {
	for _, tt := range []struct {
		value, want string
		ok          bool
	}{
		{"", "0", true}, {"\x00", "0", true}, {"a", "97", true}, {"\\", "92", true}, {"\x80", "-128", true}, {"\xff", "-1", true},
		{`\200`, "-128", true}, {`\377`, "-1", true}, {`\400`, "-1", false}, {`\20x`, "0", false}, {"ab", "", false},
	} {
		if got, ok := Char([]byte(tt.value)); got != tt.want && tt.ok || ok != tt.ok {
			t.Errorf("Char(%q) = %q, %t, want %q, %t", tt.value, got, ok, tt.want, tt.ok)
		}
	}
}
