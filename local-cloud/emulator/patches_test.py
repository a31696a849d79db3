import types
import unittest


def module(**contents):
    made = types.ModuleType("fake.service")
    made.__dict__.update(contents)
    return made


class PatchesTest(unittest.TestCase):
    def setUp(self):
        self.patches = Patches("fake 1.2.3")  # noqa: F821, defined in patches.py

    def test_a_replacement_receives_the_function_that_it_replaces_and_the_later_one_is_outermost(self):
        fake = module(greet=lambda name, mark="!": f"hello {name}{mark}")

        @self.patches.replace(fake, "greet")
        def inner(greet, name, mark="?"):
            return f"[{greet(name, mark)}]"

        @self.patches.replace(fake, "greet")
        def outer(greet, *arguments, **named):
            return f"<{greet(*arguments, **named)}>"

        self.assertEqual(fake.greet("Ann"), "hello Ann!")
        self.patches.apply()
        self.assertEqual(fake.greet("Ann", mark="."), "<[hello Ann.]>")

    def test_all_that_is_missing_or_changed_is_named_in_one_message_with_the_version_and_nothing_is_replaced(self):
        fake = module(kept=lambda: "as before", grown=lambda first, second: None)
        self.patches.needs(fake, "_queue")
        self.patches.replace(fake, "kept")(lambda kept: "replaced")
        self.patches.replace(fake, "_gone")(lambda gone: None)
        self.patches.replace(fake, "_gone")(lambda gone: None)
        self.patches.replace(fake, "grown")(lambda grown, first: None)

        with self.assertRaises(SystemExit) as ended:
            self.patches.apply()

        self.assertIn(
            "fake 1.2.3 does not have: fake.service._queue is missing; fake.service._gone is missing; "
            "fake.service.grown has other parameters: (first, second). ",
            str(ended.exception),
        )
        self.assertEqual(fake.kept(), "as before")


unittest.main(argv=["patches_test"])
