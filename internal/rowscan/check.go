package rowscan

import (
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
)

// check returns an error for each column that does not fit its field.
func (p *plan) check(typeMap *pgtype.Map, samples map[uint32][]string) error {
	var problems []error
	for i := range p.columns {
		c := &p.columns[i]
		target := reflect.New(c.typ).Interface()
		scan := typeMap.PlanScan(c.oid, c.format, target)
		if reflect.TypeOf(scan) == noPlan {
			problems = append(problems, newColumnError(c, typeMap, 0, scan.Scan([]byte{}, target)))
		} else if err := takesOne(scan, c, samples[c.oid]); err != nil {
			problems = append(problems, newColumnError(c, typeMap, 0, err))
		}
	}
	if len(problems) == 1 {
		return problems[0]
	}
	return errors.Join(problems...)
}

// takesOne returns the error of the last sample if a scan plan takes none.
func takesOne(scan pgtype.ScanPlan, c *column, samples []string) (err error) {
	for _, sample := range samples {
		if err = guard(scan, []byte(sample), reflect.New(c.typ).Interface()); err == nil {
			return nil
		}
	}
	return err
}

// nullErrors returns the error of a NULL in each column, or nil: it scans one.
func (p *plan) nullErrors(typeMap *pgtype.Map) []error {
	list := make([]error, len(p.columns))
	for i := range p.columns {
		c := &p.columns[i]
		target := reflect.New(c.typ).Interface()
		if err := guard(typeMap.PlanScan(c.oid, c.format, target), nil, target); err != nil {
			list[i] = newColumnError(c, typeMap, 0, fmt.Errorf("the column may be NULL: %w", err))
		}
	}
	return list
}

// noPlan is the type of pgx's plan for values that it cannot scan.
var noPlan = reflect.TypeOf(pgtype.NewMap().PlanScan(pgtype.BoolOID, pgtype.BinaryFormatCode, new(chan time.Time)))
