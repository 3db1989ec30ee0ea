def test_try(doctor):
    r = doctor('--upstream','direct')
    print(r.output)
    print([(x.headers, x.path) for x in doctor.emulator.records])
    r = doctor('--upstream','frankfurt')
    print(r.output)
    assert 0
