from tests.journeys.federated import *
from tests.conftest import PASSWORD
OUT="/tmp/shots/"
def test_shots(members, add_person, browser):
    add_registered(add_person, members.national)
    add_registered(add_person, members.region, name="古丽", phone="13800000002", level=2)
    add_registered(add_person, members.region, ANOTHER, username="another")
    add_person(provider=members.national.provider, username="unproved", name="新用户", level=1)
    add_person(provider=members.national.provider, username="other", level=3, name=PERSONS[11].name, id_number=PERSONS[11].id_number)
    for width in (390,1280):
        for scheme in ("light","dark"):
            if scheme=="dark" and width==390: continue
            def shot(page,name): page.screenshot(path=f"{OUT}{name}-{width}-{scheme}.png", full_page=True)
            def ctx(locale="zh-CN"): return browser.new_context(locale=locale, viewport={"width":width,"height":850}, color_scheme=scheme)
            c=ctx(); p=c.new_page()
            p.goto(f"{members.hall_url}/"); shot(p,"hall-home-out")
            p.goto(f"{members.portal.url}/login?next=/"); shot(p,"region-login")
            p.click("#upstream-national"); shot(p,"national-login")
            p.fill("#username","national"); p.fill("#password",PASSWORD); p.click("#login-submit")
            if p.query_selector("#consent-allow"): shot(p,"national-consent"); p.click("#consent-allow")
            shot(p,"bind")
            p.fill("#username","local"); p.fill("#password","wrong"); p.click("#bind-submit"); shot(p,"bind-error")
            p.fill("#username","local"); p.fill("#password",PASSWORD); p.click("#bind-submit"); shot(p,"bind-confirm")
            p.goto(f"{members.hall_url}/login?next=/hall/"); shot(p,"hall-home-in")
            p.goto(f"{members.hall_url}/identity"); shot(p,"hall-identity")
            p.click("#sign-out"); p.wait_for_timeout(300); shot(p,"hall-after-signout"); 
            if p.query_selector("#logout-yes"): p.click("#logout-yes"); 
            p.goto(f"{members.hall_url}/signed-out"); shot(p,"hall-signed-out")
            p.goto(f"{members.hall_url}/nothing"); shot(p,"hall-404")
            p.goto(f"{members.hall_url}/callback?state=x&code=y"); shot(p,"hall-problem")
            c.close()
            c=ctx(); p=c.new_page()
            p.goto(f"{members.portal.url}/login?next=/&idp_hint=national"); 
            p.fill("#username","unproved"); p.fill("#password",PASSWORD); p.click("#login-submit")
            if p.query_selector("#consent-allow"): p.click("#consent-allow")
            shot(p,"insufficient")
            c.close()
            c=ctx("en-GB"); p=c.new_page()
            p.goto(f"{members.portal.url}/login?next=/"); p.fill("#username","another"); p.fill("#password",PASSWORD); p.click("#login-submit")
            p.goto(f"{members.region.url}/upstream/national/start"); p.fill("#username","other"); p.fill("#password",PASSWORD); p.click("#login-submit")
            if p.query_selector("#consent-allow"): p.click("#consent-allow")
            shot(p,"switch-en")
            p.goto(f"{members.hall_url}/identity"); shot(p,"hall-identity-en")
            p.goto(f"{members.region.url}/upstream/national/callback?state=1"); shot(p,"lost-en")
            c.close()
    members.national.server.stop()
    for width in (390,1280):
        c=browser.new_context(locale="zh-CN", viewport={"width":width,"height":850}); p=c.new_page()
        import time; time.sleep(5.5)
        p.goto(f"{members.region.url}/upstream/national/start"); p.screenshot(path=f"{OUT}unavailable-{width}.png", full_page=True); c.close()
    members.national.server.start()
