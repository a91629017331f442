
import pytest
from tests.api.test_administration_browser import *
from tests.api.test_administration_browser import visit, served, owner
from tests.api.browsing import chromium
@pytest.mark.parametrize("scheme", ["light"])
@pytest.mark.parametrize("width", [1280, 1100, 1090, 1024, 700, 360])
def test_shot(visit, owner, database_url, width, scheme):
    all_sorts(owner)
    owner.execute("UPDATE read.checkpoint SET position = 1234567, events_per_s=18250.7")
    with looked_after(database_url, "keys", "people", "consents","bus_counts"), looked_after(database_url, "keys", kind=MADE):
        page = visit(width=width, scheme=scheme)
        expect(row(page, "messages")).to_contain_text("Paused")
        page.screenshot(path=f"/tmp/admin-{width}-{scheme}.png", full_page=width==1280)
        if width == 360:
            row(page,"keys").scroll_into_view_if_needed()
            page.screenshot(path=f"/tmp/admin-{width}-{scheme}-2.png")
            row(page,"messages").last.scroll_into_view_if_needed()
            page.screenshot(path=f"/tmp/admin-{width}-{scheme}-3.png")
        print("WIDTH", width, page.evaluate("document.documentElement.scrollWidth"))
        page.get_by_role("button", name="Pause: keys").click()
        page.screenshot(path=f"/tmp/admin-{width}-{scheme}-dialog.png")
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Parked events: messages").click()
        expect(page.get_by_role("listitem")).to_have_count(2)
        page.screenshot(path=f"/tmp/admin-{width}-{scheme}-parked.png")
